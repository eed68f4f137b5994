"""Handlers as the documentation shows them: `async (message, session, parsed)`.

Each order runs in a thread and an event loop of its own: `apiRequest` blocks, and would hold up
other people's.
"""

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from bot.api.client import ApiError
from bot.framework.context import Context, Message
from bot.messages import Session

Loop = asyncio.AbstractEventLoop
Result = TypeVar("Result")
NO_REPLY = "I have no answer to that. Perhaps I don't know it; “help” shows what I can do."
RawHandler = Callable[[Message, Session, dict[str, Any]], Awaitable[object]]


@dataclass
class RawOrder:
    """An order that a raw handler carries out: what `apiRequest` knows of it."""

    session: Session
    renew: Callable[[], None]
    """Fetch another token, and wait for it. Raises SessionEnded."""
    noted: Callable[[], None]
    """Note that something may have been changed."""
    refusal: ApiError | None = None  # of the last request, where nothing came of it


raw_order: ContextVar[RawOrder | None] = ContextVar("raw_order", default=None)


async def do_in(loop: Loop, work: Coroutine[Any, Any, Result]) -> Result:
    """Have another thread's loop do something, and wait for the result."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))


async def carry_out(
    handler: RawHandler, context: Context, session: Session, parsed: dict[str, Any]
) -> str:
    """Run a raw handler; return its reply, if any. Raises what it raises.

    Nobody is left without an answer: where the handler says nothing, the last refused request is
    told (ApiError), or NO_REPLY.
    """
    home = asyncio.get_running_loop()
    said = False

    async def send(text: object) -> None:
        nonlocal said
        said = True
        await do_in(home, context.say(str(text)))

    def renew() -> None:
        asyncio.run_coroutine_threadsafe(context.api.renew(), home).result()

    message = context.message
    message = replace(
        message,
        channel=replace(message.channel, send=send),
        context=cast(Context, _Elsewhere(context, home)),
    )
    order = RawOrder(session, renew, context.api.note_change)
    reply = await _in_a_thread(handler, message, order, parsed)
    if isinstance(reply, str) and reply.strip():
        return reply
    if said:
        return ""
    if order.refusal is not None:
        raise order.refusal
    return NO_REPLY


async def _in_a_thread(
    handler: RawHandler, message: Message, order: RawOrder, parsed: dict[str, Any]
) -> object:
    done: Future[object] = Future()
    done.set_running_or_notify_cancel()

    async def work() -> object:
        raw_order.set(order)
        result: object = handler(message, order.session, parsed)
        return await result if inspect.isawaitable(result) else result

    def run() -> None:
        try:
            done.set_result(asyncio.run(work()))
        except Exception as error:
            done.set_exception(error)
        except BaseException as error:  # one that would end the program ends this order
            done.set_exception(RuntimeError(f"the handler raised {error!r}"))

    # A daemon: one that never comes back must not keep the program from ending.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name="raw handler", daemon=True).start()
    return await asyncio.wrap_future(done)


class _Elsewhere:
    """What belongs to another event loop: its coroutine functions run there."""

    def __init__(self, it: object, loop: Loop) -> None:
        self._it, self._loop = it, loop

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it has
        value = getattr(self._it, name)
        if inspect.iscoroutinefunction(value):
            return lambda *args, **kwargs: do_in(self._loop, value(*args, **kwargs))
        return _Elsewhere(value, self._loop) if name == "api" else value
