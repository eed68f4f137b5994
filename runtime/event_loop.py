"""The event loop of those who wait for many people at once: the bot, and its agents' threads."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def run_in_loop(main: Coroutine[Any, Any, Result]) -> Result:
    """Run until something is done, as asyncio.run, in uvloop's loop where there is one.

    It takes a sixth less of the bot's time for an order (docs/scaling.md), above all for what one
    thread has another one do. Windows has none.
    """
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(main)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # here, for the tools need none
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
