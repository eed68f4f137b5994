"""What people who are logged in say, carried out: one order after the other, each answered."""

import logging
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from ai.commands import Clarification, NotUnderstood, Offer, Parsed, ParsedCommand, spoken
from ai.config import Price
from ai.llm import types
from ai.parser import IsThere, Taught
from ai.sentences.matcher import matcher_of
from ai.sentences.references import NO_REFERENCES, References
from bot.api.client import ApiClient, ApiError
from bot.api.memory import FORGET
from bot.api.phrases import PhraseLookup, Phrases
from bot.api.sessions import Memory, Person, SessionEnded, Sessions, Turn, Undo, UserApi
from bot.api.usage import Budget, Meter
from bot.conversation import quoted
from bot.conversation.login import LOG_IN, LOG_OUT, REGISTER
from bot.dialogue import (
    Cancelled,
    Dialogue,
    GivenUp,
    InPublic,
    Interrupted,
    Superseded,
    TimedOut,
    is_question,
    normalise,
)
from bot.framework import help, raw_handlers
from bot.framework.autocomplete import are_there
from bot.framework.context import Context, Declined
from bot.framework.registry import Registry
from bot.framework.small_talk import courtesy
from bot.markdown import escape, named
from bot.messages import CONSOLE, Address, Button, Incoming
from config.settings import Settings
from runtime.clock import Clock
from runtime.logs import for_developers, where_raised

logger = logging.getLogger(__name__)

FAILED = "Something went wrong on my side, and I've noted it. Please try again in a moment."
CANCELLED = "All right, I've dropped that."
GIVEN_UP = "I still don't understand that. Nothing was changed."
SUPERSEDED = "All right, I've dropped my question."
SAY_HELP = "Say “help” for what I understand."
REFUSED = "All right, I've done nothing. Please say it in other words."
ENDED = "Your session has ended. Send me any message to log in again."

Order = dict[str, Any]


class Understanding(Protocol):
    """What the conversation needs of the parser."""

    async def parse_all(
        self,
        text: str,
        interaction_type: str = "command",
        history: Sequence[Turn] = (),
        *,
        allowed: Collection[tuple[str, str]] | None = None,
        references: References = NO_REFERENCES,
        budget: types.Budget | None = None,
        taught: Taught | None = None,
        is_there: IsThere | None = None,
    ) -> Parsed:
        """Return what was meant."""
        ...


def reply_to(error: Exception, platform: str = "") -> str:
    """Return what a person is told where something ended otherwise than they wanted.

    In the terminal, in development, an unexpected error stands below it.
    """
    reply = _reply_to(error)
    exception = error.exception if isinstance(error, ApiError) else ""
    if reply == FAILED:
        exception = for_developers(error)
    return f"{reply}\n{escape(exception)}" if exception and platform == CONSOLE else reply


def _reply_to(error: Exception) -> str:
    match error:
        case Cancelled():
            return CANCELLED
        case Superseded():
            return SUPERSEDED
        case GivenUp():
            return GIVEN_UP
        case SessionEnded():
            return ENDED
        case Declined() | InPublic():
            return str(error)
        case ApiError():
            return escape(error.told)
    logger.error("A message could not be answered: %s", where_raised(error))
    return FAILED


class Orders:
    """Understands what people say, and has it done by the handlers."""

    def __init__(
        self,
        api: ApiClient,
        sessions: Sessions,
        parser: Understanding | None,
        registry: Registry,
        settings: Settings,
        clock: Clock,
        prices: Mapping[str, Price],
        tokens_per_day: int = 0,
    ) -> None:
        self._api = api
        self._sessions = sessions
        self._parser = parser
        self._registry = registry
        self._settings = settings
        self._clock = clock
        self._prices = prices
        self._matcher = matcher_of(registry.specs)
        self._tokens_per_day = tokens_per_day  # of one agent
        self._meters: dict[str, Meter] = {}
        self._phrases = PhraseLookup(api)

    def is_order(self, text: str) -> bool:
        """Say whether a text is surely an order, a question or a call for help, and no answer."""
        words = normalise(text)
        is_call = help.calls_for_help(words, in_answer=True)
        if is_call or words in LOG_OUT | FORGET or is_question(text):
            return True
        match = self._matcher.match(text)
        if match is None:
            return False
        # "laundry is done" may be the name of a task, and "my tasks" or "tasks" that of a list.
        values = [spoken(value).casefold() for value in match.fields.values()]
        if values:
            return not words.startswith(tuple(values))
        return self._matcher.match(f"my {words.removeprefix('my ')}") is None

    async def understand(
        self, dialogue: Dialogue, person: Person, incoming: Incoming
    ) -> list[Order]:
        """Return what a person wants done; nothing where they were answered with that.

        Raises TimedOut where a question got no answer.
        """
        memory = person.memory(incoming.channel_id)
        memory.correctable = ""
        if incoming.order is not None:
            orders = [dict(incoming.order)]
        else:
            known = self._registry.open_to(person.session.role)
            if answer := self._small_talk(incoming.text, person, known, memory):
                await dialogue.say(answer)
                return []
            orders = await self._parse(dialogue, person, incoming, known)
        if orders:
            memory.note(incoming.text, orders)
        return orders

    async def _parse(
        self, dialogue: Dialogue, person: Person, incoming: Incoming, known: Registry
    ) -> list[Order]:
        """Have a text parsed; what is unclear, or not accepted, is told to the person."""
        memory = person.memory(incoming.channel_id)
        api = UserApi(self._api, self._sessions, incoming.address, person)
        phrases = Phrases(api)

        async def is_there(order: ParsedCommand) -> bool:
            said = quoted.fill_in(order.as_dict(), incoming.quoted)
            return await are_there(known, api, ParsedCommand.from_dict(said))

        assert self._parser is not None  # noqa: S101 - without one there are only orders
        understood = await self._parser.parse_all(
            quoted.point_at(incoming.text) if incoming.quoted else incoming.text,
            history=tuple(memory.history),
            allowed=None if known is self._registry else known.specs.keys(),
            references=memory.references,
            budget=self.budget(person, incoming.address.agent),
            taught=None if incoming.quoted else partial(phrases.meaning, self._phrases),
            is_there=is_there,
        )
        if isinstance(understood, Offer):
            if not await self._accepts(dialogue, memory, incoming, understood):
                return []
            if understood.is_whole and not incoming.quoted:
                await phrases.teach(incoming.text, understood.orders)
            understood = understood.orders
        if isinstance(understood, NotUnderstood | Clarification):
            memory.correctable = incoming.message_id
            near: tuple[str, ...] | None = None
            if isinstance(understood, Clarification):
                memory.note(incoming.text, [understood.as_dict()])
                told = escape(understood.question)
            else:
                told = _problem(understood)
                near = None if incoming.quoted else understood.suggestions
            buttons = [Button(sentence, sentence) for sentence in near or ()]
            await dialogue.say(quoted.in_words(told), buttons)
            return []
        return [quoted.fill_in(order.as_dict(), incoming.quoted) for order in understood]

    async def _accepts(
        self, dialogue: Dialogue, memory: Memory, incoming: Incoming, offer: Offer
    ) -> bool:
        """Ask whether orders are meant. Raises TimedOut and Cancelled."""
        try:
            values = (value for order in offer.orders for value in order.values.values())
            names = [value for value in values if isinstance(value, str)]
            question = escape(quoted.in_words(offer.question))
            accepted = await dialogue.offer(question, names)
        except Superseded:
            return False  # what was said instead is answered next
        except TimedOut:
            memory.timed_out = True
            raise
        if not accepted:
            memory.correctable = incoming.message_id
            await dialogue.say(REFUSED)
        return accepted

    def budget(self, person: Person | Address, agent: str) -> Budget:
        """Return what somebody may spend on the models of an agent."""
        meter = self._meters.setdefault(agent, Meter(self._api, agent, self._tokens_per_day))
        return Budget(
            meter,
            person,
            self._prices,
            self._clock,
            self._settings.time_zone,
            has_sentences=self._parser is not None,
        )

    def _small_talk(self, text: str, person: Person, known: Registry, memory: Memory) -> str | None:
        """Answer what is no order: a call for help, or small talk."""
        words, name = normalise(text), named(person.session.display_name)
        if help.calls_for_help(words):
            return help.full_help(known)
        if words in LOG_IN | REGISTER:
            return f"You are logged in, {name}. To change that say “log out” first."
        asked = bool(memory.history) and "needs_clarification" in memory.history[-1][1]
        polite = courtesy(words, asked=asked)
        return polite.format(name=name) if polite else None

    async def execute(
        self, dialogue: Dialogue, person: Person, incoming: Incoming, orders: Sequence[Order]
    ) -> AsyncGenerator[str, None]:
        """Carry out orders in turn, and yield the reply to each.

        One that fails is told, one that is called off ends them. Raises TimedOut.
        """
        api = UserApi(self._api, self._sessions, incoming.address, person)
        memory = person.memory(incoming.channel_id)
        undo, key, before = None, None, api.changes
        for number, order in enumerate(orders, 1):
            rest = orders[number:]
            try:
                reply = await self.carry_out(dialogue, person, incoming, api, order)
                if api.changes > before:  # "add milk and eggs" is one change to its person
                    is_same = key == (key := (order.get("interaction_type"), order.get("action")))
                    memory.undo = undo = _together(undo if is_same else None, memory.undo)
                    before = api.changes
                yield reply
                if rest and not self._sessions.knows(incoming.address, person):
                    raise SessionEnded
            except TimedOut:
                memory.timed_out = True
                memory.not_done = self._not_done(rest)
                raise
            except Exception as error:
                reply = reply_to(error, incoming.address.platform)
                ends = isinstance(error, Interrupted | SessionEnded)
                yield reply + (self._not_done(rest) if ends else "")
                if ends:
                    return
                if isinstance(error, Declined) and not api.changes:
                    memory.correctable = incoming.message_id

    async def carry_out(
        self, dialogue: Dialogue, person: Person, incoming: Incoming, api: UserApi, order: Order
    ) -> str:
        """Give an order to its handler; return its reply, or "". Raises what the handler raises."""
        known = self._registry.open_to(person.session.role)
        handler = known.get_handler(str(order.get("interaction_type")))
        if handler is None:
            raise Declined(f"I can't do that. I know about {help.module_names(known)}.")
        memory, before = person.memory(incoming.channel_id), api.changes
        context = Context(
            incoming=incoming,
            person=person,
            sessions=self._sessions,
            api=api,
            dialogue=dialogue,
            clock=self._clock,
            default_zone=self._settings.time_zone,
        )
        try:
            if order["interaction_type"] in known.modules:
                reply = await handler(context.message, person.session, order)
            else:
                reply = await raw_handlers.carry_out(handler, context, person.session, order)
        finally:
            if api.changes > before:
                memory.undo = context.undo
        memory.references = _references_after(memory, order, context)
        if context.named_a_time and not person.session.time_zone:
            reply = f"{reply or ''}{_zone_hint(person, context.zone.key)}".strip()
        return reply or ""

    def _not_done(self, orders: Sequence[Order]) -> str:
        """Say which orders were not carried out."""
        said = [escape(help.in_words(order, self._registry)) for order in orders]
        return (
            f"\nI haven't done the rest: {', '.join(f'“{one}”' for one in said)}." if said else ""
        )


def _together(first: Undo | None, last: Undo | None) -> Undo | None:
    """Return what takes two changes back, the last one first; what is done is not done again."""
    if first is None or last is None:
        return last
    left = [first, last]

    async def take_back() -> None:
        while left:
            await left[-1].steps()
            left.pop()

    return Undo(f"{first.told}\n{last.told}", take_back, last.until)


def _references_after(memory: Memory, order: Order, context: Context) -> References:
    """Return what "it" and "the second one" point at now."""
    found = {
        name: [context.found.get(str(one), one) for one in value]
        if isinstance(value, list)
        else context.found.get(str(value), value)
        for name, value in {**order, **context.in_full}.items()
    }
    references = replace(memory.references, last=found)
    if context.shown is not None:
        kind = str(order.get("interaction_type"))
        references = replace(references, shown=tuple(context.shown), kind=kind)
    return references


def _zone_hint(person: Person, zone: str) -> str:
    """Say once how to set the time zone."""
    if person.zone_told:
        return ""
    person.zone_told = True
    return (
        f"\n\nI go by {escape(zone)} time, since I don't know your time zone. "
        "To change that say, for example, “my time zone is Europe/Berlin”."
    )


def _problem(understood: NotUnderstood) -> str:
    """Tell what was wrong, with the nearest sentences that would be understood."""
    lines = [escape(understood.problem)]
    lines += [f"• {escape(sentence)}" for sentence in understood.suggestions or ()]
    if understood.suggestions == ():
        lines += [SAY_HELP]
    return "\n".join(lines)
