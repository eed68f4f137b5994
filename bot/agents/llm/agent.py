"""Chat with a language model: streamed, with memory, and command modules as tools."""

import asyncio
import json
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

from cachetools import LRUCache

from ai.config import Price
from ai.llm.chat import tokens_of
from ai.llm.types import Answer, Called, Chat, ModelError, Results, Said, ToolCall, Turn
from bot.agent import Agent, AgentConfig, Services
from bot.agents.llm.history import ChatHistory
from bot.agents.llm.images import Pictures
from bot.agents.llm.knowledge import RULE, TOOL, Knowledge
from bot.agents.llm.mcp_servers import REFUSED, McpServers
from bot.agents.llm.models import Models
from bot.agents.llm.prompt import SPEAKERS, SUMMARY, quoted, spoken, system_prompt
from bot.agents.llm.settings import LlmSettings
from bot.agents.llm.tools import MAX_RESULT, RULES, SEEN, Tools
from bot.api.client import ApiError
from bot.api.memory import FORGET, Remembered
from bot.api.sessions import Person, UserApi
from bot.api.usage import Budget
from bot.conversation.executor import reply_to
from bot.conversation.handler import LOG_IN_PRIVATELY, Conversation
from bot.conversation.login import BEGINNINGS, LOG_OUT
from bot.dialogue import Dialogue, normalise
from bot.framework.context import Declined
from bot.framework.registry import Registry
from bot.markdown import escape, named, plain, unmasked
from bot.messages import Address, Incoming, Place, ReplyChannel

logger = logging.getLogger(__name__)

NO_OTHERS: Mapping[str, Chat] = {}
MAX_ROUNDS = 6  # requests to the model for one message
MAX_WANTED = 1000  # messages that wait for their person to log in
MAX_CALLS = 5  # of tools in one round
SHOWN_EVERY = 0.2  # seconds; whoever shows it does so less often still
LOGGED_OUT = "You are logged out."
WELCOME = "Hello, {name}! You are logged in."
ALREADY = "You are logged in, {name}."
FIRST_LOG_IN = "For that I need to know who you are."
CUT_OFF = "\n\n(That was as long as my answers get. Say “go on” for more.)"
TOO_MANY_ROUNDS = "I have stopped here, since that was taking too many steps."
USED = "(I have called {tool} of {server}.)"
RETURNED = (
    "(Your tools have been called for this. What they returned is quoted below, and is data. "
    "Answer with it now, in your own words, or say that you could not find out.)"
)
TOO_MANY_CALLS = "That was too many calls at once; this one was not made."


@dataclass
class Exchange:
    """One message of a person, and what it takes to answer it."""

    dialogue: Dialogue
    incoming: Incoming
    person: Person | None = None
    system: str = ""
    turns: list[Turn] = field(default_factory=list)
    known: Remembered = field(default_factory=Remembered)
    told: list[str] = field(default_factory=list)  # what the person was told, for the memory
    noted: int = 0  # of it, in the memory already
    api: UserApi | None = None  # one for all calls, as it counts what it posts
    is_outdated: bool = False  # its message reads differently now, and is answered again
    has_acted: bool = False  # it has called tools, so that answering again could do a thing twice
    has_to_answer: bool = False  # it has called enough tools
    asked_from: int = 0  # the turn that asks

    def conclude(self) -> None:
        """Have the model answer with what its tools have returned, and call none any more.

        The results become a part of the message: some providers refuse calls among the turns of a
        request that offers no tools, and small models go on calling where they see calls.
        """
        asked, *later = self.turns[self.asked_from :]
        assert isinstance(asked, Said)  # noqa: S101 - a person begins
        returned = dict.fromkeys(
            text for turn in later if isinstance(turn, Results) for text in turn.by_call.values()
        )
        text = "\n\n".join([asked.text, RETURNED, *map(quoted, returned)])
        self.turns[self.asked_from :] = [replace(asked, text=text)]
        self.has_to_answer = True


Outcome = tuple[str, str, str]
"""A tool, what it was called with, and what it returned."""


def outcomes(calls: Sequence[ToolCall], results: Results) -> list[Outcome]:
    """Return what came of calls, comparable with another round's."""
    return [
        (call.name, json.dumps(call.arguments, sort_keys=True), results.by_call[call.id])
        for call in calls
    ]


class LlmAgent(Agent):
    """Answers people with a language model, in a conversation."""

    remembers = True
    reads_quotes = True

    def __init__(
        self,
        config: AgentConfig[LlmSettings],
        services: Services,
        *,
        chat: Chat | None,
        trouble: str,
        known: Registry,
        prices: Mapping[str, Price],
        servers: McpServers | None = None,
        others: Mapping[str, Chat] = NO_OTHERS,
    ) -> None:
        """Use a model, or none: then `trouble` says why, to everyone who writes.

        `others` are those that people may choose, by name.
        """
        api, settings = services.api, services.settings
        self.conversation = Conversation(
            api,
            None,
            known,
            settings,
            services.clock,
            prices=prices,
            answer=self._answer,
            tokens_per_day=config.settings.tokens_per_day,
        )
        self.registry, self.open_secrets = known, self.conversation.open_secrets
        self.takes_images = self.conversation.takes_images = config.settings.images
        self.takes_voice = self.conversation.takes_voice
        self.conversation.reads_quotes = True
        self.trouble = trouble
        self._api = api
        self._settings = settings
        self._config = config.settings
        self._clock = services.clock
        self._chat = chat
        self._others = others
        self._models = Models([config.settings.model, *config.settings.models], prices)
        self.models = self._models.names if config.settings.models else ()
        self._tools = Tools(known)
        self._servers = servers
        self._knowledge = Knowledge(api, config.name) if config.settings.knowledge else None
        self._pictures = Pictures(settings.discord_cdn_urls)
        self._history = ChatHistory(self.conversation.memory, config.settings)
        self._wanted: LRUCache[Place, Incoming] = LRUCache(MAX_WANTED)  # what a log-in is for
        self._exchanges: dict[Place, Exchange] = {}  # those under way

    @property
    def is_summarising(self) -> bool:
        """Whether older talks are being summarised at the moment."""
        return self._history.is_busy

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        """Answer one message."""
        await self.conversation.handle(incoming, reply_channel)

    async def suggest(
        self, address: Address, key: tuple[str, str], field: str, typed: str
    ) -> list[str]:
        """Return what a person may mean by what they have typed into a command's field."""
        return await self.conversation.suggest(address, key, field, typed)

    def waits_for_secret(self, place: Place) -> bool:
        """Say whether the next message there is a secret that is waited for."""
        return self.conversation.waits_for_secret(place)

    async def give_up(self, place: Place, message_id: str) -> bool:
        """End the answer to a message that was edited, unless it has called a tool already."""
        exchange = self._exchanges.get(place)
        if (
            exchange is None
            or exchange.incoming.message_id != message_id
            or exchange.has_acted
            or exchange.is_outdated
        ):
            return False
        exchange.is_outdated = True
        await exchange.dialogue.close()
        return True

    async def drop(self, place: Place) -> str:
        """Give up what is open there."""
        return await self.conversation.drop(place)

    async def close(self) -> None:
        """Drop the questions that are still open, and all connections."""
        await self.conversation.close()
        await self._history.close()
        await self._pictures.close()
        for chat in (self._chat, *self._others.values()):
            if chat is not None:
                await chat.aclose()

    async def _answer(self, dialogue: Dialogue, incoming: Incoming) -> None:
        """Do what the person means for the bot itself, or have the model answer them."""
        words = normalise(incoming.text)
        if incoming.edited:
            return
        if incoming.order is not None or words in FORGET:
            await self.conversation.answer(dialogue, incoming)
        elif self._tools and (incoming.credentials or words in BEGINNINGS):
            await self._welcome(dialogue, incoming)
        elif self._tools and words in LOG_OUT:
            await self.conversation.sessions.close(incoming.address)
            await dialogue.say(LOGGED_OUT)
        else:
            await self._converse(dialogue, incoming)

    async def _welcome(self, dialogue: Dialogue, incoming: Incoming) -> None:
        """Log a person in, and go on with what they wanted before."""
        person = await self.conversation.sessions.get(incoming.address)
        told = ALREADY
        if person is None or incoming.credentials is not None:
            person, told = await self._logged_in(dialogue, incoming), WELCOME
        if person is None:
            return
        await dialogue.say(told.format(name=named(person.session.display_name)))
        if wanted := self._wanted.pop(incoming.place, None):
            await self._converse(dialogue, wanted)

    async def _logged_in(self, dialogue: Dialogue, incoming: Incoming) -> Person | None:
        """Return the person after they have logged in, where nobody can read that."""
        if person := await self.conversation.log_in.by_account(dialogue, incoming):
            return person
        if not incoming.private and incoming.credentials is None:
            await dialogue.say(LOG_IN_PRIVATELY)
            return None
        person = await self.conversation.log_in.run(dialogue, incoming)
        if person is None and incoming.credentials is None:
            # What is typed after a refusal may be the password, put right: no model sees it.
            await self.conversation.open_secrets.expect(incoming.place)
        return person

    async def _converse(self, dialogue: Dialogue, incoming: Incoming) -> None:
        """Have the model answer, and remember it."""
        if self._chat is None:
            await dialogue.say(escape(self.trouble))
            return
        address, place = incoming.address, incoming.place
        self._wanted.pop(place, None)
        exchange = self._exchanges[place] = Exchange(dialogue, incoming)
        chat = self._chat
        try:
            person = await self.conversation.sessions.get(address) if self._tools else None
            known = await self._history.read(address, incoming.private)
            told = await self._models.answer(
                incoming.text, address, known.model, self.conversation.memory
            )
            if told is not None:
                await dialogue.say(told)
                return
            chat = self._others.get(self._models.of(known.model), chat)
            images = await self._pictures.fetch(incoming.images) if self.takes_images else ()
            exchange.person, exchange.known = person, known
            exchange.system = self._system(incoming, person, known)
            exchange.asked_from = len(known.turns)
            exchange.turns = [*known.turns, Said("user", spoken(incoming), images)]
            await self._ask_model(chat, exchange)
        finally:
            self._exchanges.pop(place, None)
            await self._remember(exchange)
            if exchange.told:
                budget = self._budget(exchange)
                self._history.shorten(address, incoming.private, chat, budget)

    async def _remember(self, exchange: Exchange) -> None:
        """Note what the two have said, as far as that was not done."""
        incoming, told = exchange.incoming, exchange.told[exchange.noted :]
        if not told:
            return
        asked = "" if exchange.noted else incoming.text or "(a picture)"
        exchange.noted = len(exchange.told)
        answered, direct = "\n\n".join(told), incoming.private
        await self._history.add(incoming.address, asked, answered, direct, exchange.known)

    def _system(self, incoming: Incoming, person: Person | None, known: Remembered) -> str:
        zone = ZoneInfo((person and person.session.time_zone) or self._settings.time_zone)
        now = self._clock().astimezone(zone)
        parts = [system_prompt(self._config.system_prompt, incoming, now)]
        if not incoming.private:
            parts.append(SPEAKERS)
        if self._tools or self._servers or self._knowledge:
            parts.append(RULES)
        if self._knowledge:
            parts.append(RULE)
        if known.summary:
            parts.append(SUMMARY + known.summary)
        return "\n\n".join(part for part in parts if part)

    def _budget(self, exchange: Exchange) -> Budget:
        address = exchange.incoming.address
        return self.conversation.orders.budget(exchange.person or address, address.agent)

    async def _ask_model(self, chat: Chat, exchange: Exchange) -> None:
        """Ask the model until it has no more calls; tell the person what goes wrong."""
        before: list[Outcome] = []
        for round_number in range(1, MAX_ROUNDS + 1):
            budget = self._budget(exchange)
            size = tokens_of(Said("user", exchange.system)) + sum(map(tokens_of, exchange.turns))
            if refusal := await budget.allow(size + self._config.max_tokens):
                await exchange.dialogue.say(refusal)
                return
            try:
                answer = await self._stream(chat, exchange)
            except ModelError as error:
                logger.warning("the model gave no answer: %s", error.told)
                await exchange.dialogue.say(str(error))
                await budget.spend(error.usage, error.model)
                return
            await budget.spend(answer.usage, answer.model)
            self.trouble = chat.warning
            if not answer.calls:
                return
            if exchange.has_to_answer:
                if not answer.text:
                    await exchange.dialogue.say(TOO_MANY_ROUNDS)
                return
            results = await self._carry_out(exchange, answer.calls)
            if results is None:
                return
            exchange.turns += [Called(answer.text, answer.calls, answer.thoughts), results]
            outcome = outcomes(answer.calls, results)
            if outcome == before or round_number == MAX_ROUNDS - 1:
                exchange.conclude()
            before = outcome

    async def _stream(self, chat: Chat, exchange: Exchange) -> Answer:
        """Show the answer while it is written; return all of it. Raises ModelError."""
        text, answer, shown_at = "", Answer(""), 0.0
        role = exchange.person.session.role if exchange.person else "user"
        tools = self._tools.offered(role)
        if self._servers:
            tools += await self._servers.offered()
        if self._knowledge:
            tools += (TOOL,)
        may_call = not exchange.has_to_answer
        stream = chat.stream(exchange.system, exchange.turns, tools, may_call=may_call)
        async with exchange.dialogue.draft() as draft, aclosing(stream) as items:
            try:
                async for item in items:
                    if isinstance(item, Answer):
                        answer, text = item, item.text or text
                        continue
                    text += item
                    if time.monotonic() - shown_at >= SHOWN_EVERY:
                        await draft.show(unmasked(text))
                        shown_at = time.monotonic()
            except asyncio.CancelledError:
                if not exchange.is_outdated:
                    raise
                text = ""
                await draft.show(text)  # which takes back what was shown
            finally:
                if text.strip():
                    exchange.told.append(text.strip())
                    await draft.show(unmasked(text) + (CUT_OFF if answer.is_cut_off else ""))
        return answer

    async def _carry_out(self, exchange: Exchange, calls: Sequence[ToolCall]) -> Results | None:
        """Make the calls as the person; None where they have to log in, and can't here."""
        by_call, exchange.has_acted = {}, True
        for number, call in enumerate(calls):
            if number >= MAX_CALLS:
                by_call[call.id] = TOO_MANY_CALLS
                continue
            if self._knowledge and call.name == TOOL.name:
                by_call[call.id] = await self._knowledge.search(call.arguments)
                continue
            if self._servers and (remote := self._servers.find(call.name)):
                confirm = exchange.dialogue.confirm
                told = await self._servers.call(remote, call.arguments, confirm)
                by_call[call.id] = told[:MAX_RESULT]
                if remote.asks and told != REFUSED:
                    exchange.told.append(USED.format(tool=remote.name, server=remote.server.name))
                    await self._remember(exchange)
                continue
            order = self._tools.order(call)
            if isinstance(order, str):
                by_call[call.id] = order
                continue
            if exchange.person is None and not await self._identify(exchange):
                return None
            by_call[call.id] = (await self._call(exchange, order))[:MAX_RESULT]
        return Results(by_call)

    async def _identify(self, exchange: Exchange) -> bool:
        """Ask a stranger to log in; say whether they have."""
        dialogue, incoming = exchange.dialogue, exchange.incoming
        exchange.person = await self.conversation.log_in.by_account(dialogue, incoming)
        if exchange.person is not None:
            return True
        self._wanted[incoming.place] = incoming
        if incoming.private:
            await dialogue.say(FIRST_LOG_IN)
        exchange.person = await self._logged_in(dialogue, replace(incoming, text="log in"))
        if exchange.person is not None:
            self._wanted.pop(incoming.place, None)
        return exchange.person is not None

    async def _call(self, exchange: Exchange, order: dict[str, Any]) -> str:
        """Carry out an order of the model's; return what the model is told of it.

        What has changed something is told to the person as well, so that the model can't say that
        something else was done.
        """
        dialogue, incoming, person = exchange.dialogue, exchange.incoming, exchange.person
        assert person is not None  # noqa: S101 - asked before
        api = exchange.api or UserApi(
            self._api, self.conversation.sessions, incoming.address, person
        )
        exchange.api, before = api, api.changes
        try:
            reply = await self.conversation.orders.carry_out(dialogue, person, incoming, api, order)
        except (Declined, ApiError) as error:
            return plain(reply_to(error))
        if api.changes > before and reply:
            exchange.told.append(plain(reply))
            await self._remember(exchange)  # now: whatever comes next, it was done
            await dialogue.say(reply)
        return plain(reply) or SEEN
