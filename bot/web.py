"""The conversation over the API: messages that wait there are taken, answered and settled.

Any process of the bot may answer. What is said is written to the API at once, which keeps it for
whoever follows the chat; when the API is away for a moment, it is written when it is back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from bot.agent import Agent, Services
from bot.agents.commands import make_agent
from bot.api.client import ApiAway, ApiClient, ApiError
from bot.markdown import split
from bot.messages import WEB, Address, Button, GrowingDraft, Incoming
from bot.runtime.deliveries import DeliveryLoop, Send, Undeliverable
from bot.runtime.supervisor import AgentRefused
from bot.runtime.worker import FAILED, AgentWorker
from bot.trials import Trials
from runtime.clock import growing_pause
from runtime.logs import where_raised

logger = logging.getLogger(__name__)

CHANNEL = "web"  # each user has one with each agent
DEFAULT_AGENT = "default"
MAX_UNDER_WAY = 100  # messages of so many chats are answered at the same time
MAX_TEXT = 12_000  # characters of one reply; a longer one is several
EVERY = 0.2  # seconds between two looks at a reply that grows
LOOK_SECONDS = 15.0  # between two looks for messages while the API tells when there are some
MIN_PAUSE, MAX_PAUSE = 0.5, 15.0  # seconds, while the API is away
TRIES = 8  # to write a reply, in a bit more than a minute
OFFER_EXPIRED = "I can't do that any more. Please tell me in words."
CANNOT_START = "I can't start with these settings: {}."
NOT_THERE = "I am not there at the moment. Please try again in a while."

Agents = Callable[[], Mapping[str, Agent]]
"""Names the agents that this process runs at the moment, and what answers for each."""


class WebChat:
    """Answers those who write over the API, for as long as `run()` runs."""

    def __init__(
        self,
        services: Services,
        process: str,
        agents: Agents,
        default: Callable[[], Awaitable[Agent]],
    ) -> None:
        """Answer for `agents`, those on trial, and what `default` makes where none is called so."""
        self._api = services.api
        self._wake_interval = services.settings.wake_interval
        self._process = process
        self._agents = agents
        self._make_default = default
        self.trials = Trials(services)
        self._default: Agent | None = None
        self._making = asyncio.Lock()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._news = asyncio.Event()
        self._is_told = False  # the API tells when messages wait
        self._stopping = False
        self._ended = asyncio.Event()
        self._ended.set()
        self.deliveries = DeliveryLoop(
            self._api,
            WEB,
            self._senders,
            wake_interval=self._wake_interval,
            clock=services.clock,
        )

    async def run(self) -> None:
        """Answer until `finish()` is called. The API being away costs time and loses nothing."""
        self._ended.clear()
        following = asyncio.create_task(self._follow())
        delivering = asyncio.create_task(self.deliveries.run())
        try:
            await self._go_on()
            await self.deliveries.finish()
            while self._under_way:
                await asyncio.wait(self._under_way.values())
            with suppress(ApiError):
                await self._api.service("chat/leave", {"process": self._process})
        finally:
            tasks = [following, delivering, *self._under_way.values()]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self._ended.set()

    async def finish(self) -> None:
        """End `run()`; return when what was begun is answered."""
        self._stopping = True
        self._news.set()
        await self._ended.wait()

    async def close(self) -> None:
        """Close the default agent, where there is one, and those on trial."""
        await self.trials.close()
        if self._default is not None:
            await self._default.close()

    async def _go_on(self) -> None:
        failures = 0
        while not self._stopping:
            self._news.clear()
            try:
                await self._claim()
            except Exception as error:  # whatever the API said: others are answered all the same
                if not failures:
                    said = error.message if isinstance(error, ApiError) else where_raised(error)
                    logger.warning("messages over the API wait, it said: %s", said)
                failures += 1
                pause = growing_pause(self._wake_interval, failures, MAX_PAUSE)
            else:
                failures = 0
                pause = LOOK_SECONDS if self._is_told else self._wake_interval
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), pause)

    async def _follow(self) -> None:
        """Hear from the API when messages wait."""
        failures = 0
        while True:
            try:
                async for _ in self._api.events("chat/news"):
                    self._is_told, failures = True, 0
                    self._news.set()
            except Exception as error:
                logger.debug("the API does not tell of messages: %s", where_raised(error))
                failures += 1
            self._is_told = False
            await asyncio.sleep(growing_pause(MIN_PAUSE, failures, MAX_PAUSE))

    async def _claim(self) -> None:
        """Begin to answer what waits."""
        room = MAX_UNDER_WAY - len(self._under_way)
        where = {
            "process": self._process,
            "agents": list(self._agents()),
            "default": True,
            "under_way": list(self._under_way),
            "limit": room,
        }
        answer = await self._api.service("chat/claim", where)
        self.trials.keep(answer["trials"])
        for message in answer["messages"]:
            task = asyncio.create_task(self._answer(message))
            self._under_way[message["id"]] = task
            task.add_done_callback(partial(self._answered, message["id"]))

    def _answered(self, message_id: str, _: "asyncio.Task[None]") -> None:
        del self._under_way[message_id]
        if not self._is_told or len(self._under_way) == MAX_UNDER_WAY - 1:
            self._news.set()

    async def _answer(self, message: dict[str, Any]) -> None:
        """Answer one message, and settle it whatever happens."""
        channel = WebReplyChannel(self._api, message["agent"], message["user_uuid"], message["id"])
        try:
            if message["trial"] is None:
                agent = await self._agent(message["agent"])
            else:
                agent = await self.trials.agent(message["agent"], message["trial"])
            if agent is None:
                await channel.send(NOT_THERE)
            else:
                await self._hand_over(agent, message, channel)
        except AgentRefused as error:  # one on trial, and its administrator hears why
            await channel.send(CANNOT_START.format(error))
        except Exception as error:
            logger.error("a message over the API failed: %s", where_raised(error))
            await channel.send(FAILED)
        await written(self._api, "settle", {"message": message["id"]})

    async def _hand_over(
        self, agent: Agent, message: dict[str, Any], channel: "WebReplyChannel"
    ) -> None:
        """Have an agent answer a message, or a press on a button."""
        content, order = message["content"], None
        if content.get("subject") and content.get("offer") is not None:
            offers = agent.registry.offers.of(content["subject"])
            if content["offer"] >= len(offers):  # the module is another one by now
                await channel.send(OFFER_EXPIRED)
                return
            _, order = offers[content["offer"]]
        incoming = Incoming(
            Address(WEB, message["agent"], message["user_uuid"]),
            CHANNEL,
            content["text"],
            UUID(message["id"]).hex,
            answers=content.get("answers") or "",
            starts_new=bool(content.get("starts_new") or order),
            ephemeral=bool(content.get("secret")),
            order=order,
            author_name=message["display_name"] or message["username"],
            username=message["username"],
        )
        await agent.handle(incoming, channel)

    async def _agent(self, name: str) -> Agent | None:
        found = self._agents().get(name)
        if found is not None or name != DEFAULT_AGENT:
            return found
        async with self._making:
            if self._default is None:
                self._default = await self._make_default()
        return self._default

    def _senders(self) -> dict[str, Send]:
        """Return how deliveries reach people here, by the agents that they talk to."""
        names = {*self._agents(), DEFAULT_AGENT, *self.trials.names}
        return {name: partial(self._deliver, name) for name in names}

    async def _deliver(self, agent_name: str, account_id: str, text: str, subject: str) -> None:
        """Write a delivery to a chat. Raises Undeliverable."""
        agent = self.trials.made(agent_name) or await self._agent(agent_name)
        offers = agent.registry.offers.of(subject) if agent and subject else []
        buttons = [
            _shown(label, "plain", text=label, subject=subject, offer=number)
            for number, (label, _) in enumerate(offers)
        ]
        *before, last = split(text, MAX_TEXT) or [text]
        try:
            for part in before:
                await self._api.service("chat/say", _said(agent_name, account_id, part))
            last_said = _said(agent_name, account_id, last, buttons=buttons)
            await self._api.service("chat/say", last_said)
        except ApiError as error:
            permanent = error.status == 404
            raise Undeliverable(f"the API said {error.status}", permanent=permanent) from error


class WebReplyChannel:
    """The way back to somebody who wrote over the API."""

    def __init__(self, api: ApiClient, agent: str, user_uuid: str, message_id: str) -> None:
        self._api = api
        self._agent = agent
        self._user_uuid = user_uuid
        self._message_id = message_id
        self._secret = False

    async def send(self, text: str, buttons: Sequence[Button] = (), question: str = "") -> None:
        """Send a reply. One that the API does not take is logged, not raised."""
        parts = split(text, MAX_TEXT)
        secret, self._secret = self._secret, False
        for number, part in enumerate(parts, 1):
            more: dict[str, Any] = {}
            if number == len(parts):
                more = {"buttons": _short_cuts(buttons, question), "question": question}
                more["secret"] = secret and bool(question)
            await self.say(str(uuid4()), part, **more)

    def draft(self) -> "WebDraft":
        """Write a reply bit by bit."""
        return WebDraft(self.say)

    def expect_secret(self) -> bool:
        """Have the next answer typed where nobody sees it; what is posted is not kept either."""
        self._secret = True
        return True

    def typing(self) -> AbstractAsyncContextManager[object]:
        """Do nothing: that a message is being answered is shown by the API, which handed it out."""
        return nullcontext()

    async def say(self, reply_id: str, text: str, **more: Any) -> None:  # noqa: ANN401 - of Said
        """Write a reply; a later one of the same id takes its place."""
        message = {"message": self._message_id, "id": reply_id}
        await written(
            self._api, "say", _said(self._agent, self._user_uuid, text, **message, **more)
        )


class WebDraft(GrowingDraft):
    """A reply that is shown while it is being written."""

    def __init__(self, say: Callable[..., Awaitable[None]]) -> None:
        super().__init__()
        self._say = say
        self._ids: list[str] = []
        self._next_at = 0.0  # by the loop's clock

    async def _wait_for_turn(self) -> None:
        await asyncio.sleep(max(0.0, self._next_at - asyncio.get_running_loop().time()))

    async def _grow(self) -> None:
        await self._show(complete=False)
        self._next_at = asyncio.get_running_loop().time() + EVERY

    async def _complete(self) -> None:
        await self._show(complete=True)

    async def _show(self, *, complete: bool) -> None:
        """Say the parts of the text, those before the last as they will stay."""
        parts = await asyncio.to_thread(split, self._text, MAX_TEXT)
        first = 0 if complete else max(len(self._ids) - 1, 0)
        for number, part in list(enumerate(parts))[first:]:
            if number == len(self._ids):
                self._ids.append(str(uuid4()))
            is_last = number == len(parts) - 1
            await self._say(self._ids[number], part, complete=complete or not is_last)


async def written(api: ApiClient, what: str, data: dict[str, Any]) -> None:
    """Tell the API something about a chat, which may take a while where it is away."""
    for failures in range(TRIES):
        try:
            await api.service(f"chat/{what}", data)
        except ApiAway:
            await asyncio.sleep(growing_pause(MIN_PAUSE, failures, MAX_PAUSE))
        except ApiError as error:
            logger.warning("what was said over the API was refused: %s", error.message)
            return
        else:
            return
    logger.error("what was said over the API was lost: it was away for too long")


async def default_agent(services: Services) -> Agent:
    """Make the command bot that answers where no agent is called `default`."""
    worker = AgentWorker(DEFAULT_AGENT, services, _note)
    await worker.take(lambda own: make_agent(own.api, own.settings, own.clock))
    return worker


def _note(trouble: str) -> None:
    if trouble:
        logger.warning("the default agent: %s", trouble)


def _said(
    agent: str,
    user_uuid: str,
    text: str,
    **more: Any,  # noqa: ANN401 - of Said
) -> dict[str, Any]:
    said = {"id": str(uuid4()), "text": text, **more}
    return {"agent": agent, "user_uuid": user_uuid, "said": said}


def _short_cuts(buttons: Sequence[Button], question: str) -> list[dict[str, Any]]:
    """Return the buttons under a reply; who writes here has logged in, so forms are left out."""
    return [
        _shown(button.label, button.style, text=button.says, answers=question)
        for button in buttons
        if button.form is None
    ]


def _shown(label: str, style: str, **send: Any) -> dict[str, Any]:  # noqa: ANN401 - of MessageIn
    """Return a button, and what is posted when it is pressed."""
    starts_new = {} if send.get("answers") else {"starts_new": True}
    send = {name: value for name, value in send.items() if value != ""} | starts_new
    return {"label": label, "style": style, "send": send}
