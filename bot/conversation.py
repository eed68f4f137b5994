"""One message in, the replies out: log-in, help, history, questions. Knows no Discord."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Protocol
from uuid import uuid4
from weakref import WeakValueDictionary

from bot import manual
from bot.api_client import ApiClient, ApiError
from bot.command_registry import Registry
from bot.context import Context, Declined
from bot.login import LOG_IN, REGISTER, LogIn
from bot.messages import Address, Incoming, Outlet
from bot.sessions import Person, SessionEnded, Sessions, Turn, UserApi
from bot.talk import Cancelled, Lapsed, Talk, normalise
from bot.text import escape, named
from config.clock import Clock, utc_now
from config.logs import request_id, where_raised
from config.settings import Settings

logger = logging.getLogger(__name__)

FAILED = "Something went wrong on my side, and I've noted it. Please try again in a moment."
CANCELLED = "All right, I've dropped that."
ENDED = "Your session has ended. Send me any message to log in again."
NO_TEXT = "I can only read text so far. Please tell me in words."
LAPSED = "I had stopped waiting for your answer to my last question."
EXPIRED = "That question has expired; please ask again."
LAPSED_SECRET = f"{LAPSED} I haven't read this message either: please start again."

Place = tuple[Address, str]
"""A person in a channel: messages there are answered in order."""


class Understanding(Protocol):
    """What the conversation needs of the parser."""

    async def parse(
        self, text: str, interaction_type: str = "command", history: Sequence[Turn] = ()
    ) -> dict[str, Any]:
        """Return what was meant."""
        ...


class Conversation:
    """Answer people. One object serves everyone who talks to one agent, in parallel."""

    def __init__(
        self,
        api: ApiClient,
        parser: Understanding,
        registry: Registry,
        settings: Settings,
        clock: Clock = utc_now,
    ) -> None:
        self._api = api
        self._parser = parser
        self._registry = registry
        self._settings = settings
        self._clock = clock
        self._sessions = Sessions(api, clock)
        self._log_in = LogIn(api, self._sessions)
        self._turns: WeakValueDictionary[Place, asyncio.Lock] = WeakValueDictionary()
        self._talks: dict[Place, Talk] = {}

    async def handle(self, incoming: Incoming, outlet: Outlet) -> None:
        """Answer one message; return when it is answered, or when the bot has asked back.

        Raises what the outlet raises, and nothing else.
        """
        if not incoming.text.strip():
            await outlet.send(NO_TEXT)
            return
        request_id.set(incoming.message_id or uuid4().hex)
        place = (incoming.address, incoming.channel_id)
        turn = self._turns.setdefault(place, asyncio.Lock())
        async with turn, outlet.typing():
            talk = self._talks.get(place)
            if incoming.answers and (talk is None or talk.question != incoming.answers):
                await outlet.send(EXPIRED)
                return
            if incoming.edited and talk is not None:
                return
            if talk is not None and incoming.anew:
                await talk.close()
            elif talk and await talk.step(incoming.text, outlet, unseen=incoming.unseen):
                return
            talk = self._talks[place] = Talk(outlet, self._settings.login_timeout_seconds)
            await talk.start(self._hold(talk, place, incoming))

    async def is_logged_in(self, address: Address) -> bool:
        """Say whether a person is logged in there."""
        return await self._sessions.get(address) is not None

    def is_waiting(self, address: Address, channel_id: str) -> bool:
        """Say whether the bot has asked a person something and waits for the answer."""
        return (address, channel_id) in self._talks

    async def close(self) -> None:
        """Drop the questions that are still open."""
        for talk in list(self._talks.values()):
            await talk.close()

    async def _hold(self, talk: Talk, place: Place, incoming: Incoming) -> None:
        """Answer a message, whatever happens: the one catch-all around the conversation."""
        try:
            await self._respond(talk, incoming)
        except Cancelled:
            await talk.say(CANCELLED)
        except Lapsed:
            logger.info("A question was left unanswered")
        except SessionEnded:
            await talk.say(ENDED)
        except Declined as declined:
            await talk.say(str(declined))
        except ApiError as error:
            await talk.say(escape(error.message))
        except Exception as error:
            logger.error("A message could not be answered: %s", where_raised(error))
            await talk.say(FAILED)
        finally:
            if self._talks.get(place) is talk:
                del self._talks[place]

    async def _respond(self, talk: Talk, incoming: Incoming) -> None:
        """Log the person in, or carry out their order."""
        person = await self._sessions.get(incoming.address)
        if person is None:
            if incoming.edited:
                return
            person = await self._log_in.run(talk, incoming)
            if person is not None:
                name = named(person.session.display_name)
                await talk.say(manual.greeting(name, self._registry))
            return
        if incoming.edited and incoming.message_id != person.undone:
            return
        lapsed, person.lapsed = None if incoming.anew else person.lapsed, None
        if lapsed:
            await talk.say(LAPSED_SECRET if lapsed == "secret" else LAPSED)
        if lapsed == "secret":  # what is written now may still be the password
            return
        try:
            await self._obey(talk, person, incoming)
        except Lapsed:
            person.lapsed = "secret" if talk.asked_secret else "answer"
            raise
        except Declined:
            person.undone = incoming.message_id
            raise

    async def _obey(self, talk: Talk, person: Person, incoming: Incoming) -> None:
        """Answer a person who is logged in."""
        person.undone = ""
        if incoming.order is not None:
            order = dict(incoming.order)
            person.history.append((incoming.text, order))
            await self._carry_out(talk, person, incoming, order)
            return
        words = normalise(incoming.text)
        name = named(person.session.display_name)
        if words in manual.HELP_WORDS:
            await talk.say(manual.full_help(self._registry))
        elif polite := manual.courtesy(words):
            await talk.say(polite.format(name=name))
        elif words in LOG_IN | REGISTER:
            await talk.say(f"You are logged in, {name}. To change that say “log out” first.")
        else:
            parsed = await self._parser.parse(incoming.text, history=tuple(person.history))
            if "error" in parsed:
                person.undone = incoming.message_id
                await talk.say(_problem(parsed))
                return
            person.history.append((incoming.text, parsed))
            if "needs_clarification" in parsed:
                person.undone = incoming.message_id
                await talk.say(escape(str(parsed["needs_clarification"])))
            else:
                await self._carry_out(talk, person, incoming, parsed)

    async def _carry_out(
        self, talk: Talk, person: Person, incoming: Incoming, parsed: dict[str, Any]
    ) -> None:
        """Give an order to its handler and tell what came of it."""
        handler = self._registry.get_handler(str(parsed.get("interaction_type")))
        if handler is None:
            raise Declined(f"I can't do that. I know about {manual.module_names(self._registry)}.")
        context = Context(
            incoming=incoming,
            person=person,
            sessions=self._sessions,
            api=UserApi(self._api, self._sessions, incoming.address, person),
            talk=talk,
            clock=self._clock,
            default_zone=self._settings.time_zone,
        )
        reply = await handler(context.message, person.session, parsed)
        if reply and context.named_a_time and not person.session.time_zone:
            reply += _zone_hint(person, context.zone.key)
        if reply:
            await talk.say(reply)


def _zone_hint(person: Person, zone: str) -> str:
    """Say once how to set the time zone."""
    if person.zone_told:
        return ""
    person.zone_told = True
    return (
        f"\n\nI go by {escape(zone)} time, since I don't know your time zone. "
        "To change that say, for example, “my time zone is Europe/Berlin”."
    )


def _problem(parsed: dict[str, Any]) -> str:
    """Tell what was wrong, with the nearest sentences that would be understood."""
    lines = [escape(str(parsed["error"]))]
    lines += [f"• {escape(sentence)}" for sentence in parsed.get("suggestions", ())]
    return "\n".join(lines)
