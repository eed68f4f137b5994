"""One message in, the replies out: log-in, help, history, questions. Knows no Discord."""

import logging
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from ai.commands import Role
from ai.config import Price
from bot.agent import Agent
from bot.api.client import ApiClient
from bot.api.memory import FORGET, MemoryClient
from bot.api.open_secrets import OpenSecrets
from bot.api.phrases import Phrases
from bot.api.sessions import Person, Sessions, UserApi
from bot.conversation.executor import Orders, Understanding, reply_to
from bot.conversation.login import BEGINNINGS, LogIn
from bot.dialogue import Dialogue, TimedOut, normalise
from bot.framework import help
from bot.framework.autocomplete import Suggestions
from bot.framework.registry import Registry
from bot.markdown import named
from bot.messages import Address, Incoming, Place, ReplyChannel
from config.settings import Settings
from runtime.clock import Clock, utc_now
from runtime.logs import request_id

logger = logging.getLogger(__name__)

WHAT_TO_DO = (
    "What shall I do with this? Reply to that message, for example with “add this to my tasks”."
)
NO_TEXT = "I can only read text so far. Please tell me in words."
TIMED_OUT = "I had stopped waiting for your answer to my last question."
EXPIRED = "That question has expired; please ask again."
LOG_IN_PRIVATELY = (
    "I don't know who you are yet. Please write “log in” to me in a direct message, or use /login."
)

TOO_LONG = "That is too long for me: I read up to {most:,} characters."
MAX_LENGTH = 4000  # characters; Discord's documentation: the longest message that anybody can send

NO_PRICES: Mapping[str, Price] = {}


def is_help(text: str) -> bool:
    """Say whether a text asks what can be said, which anybody may."""
    return bool(text.strip("? ")) and normalise(text) in help.HELP_WORDS


class Conversation(Agent):
    """Answer people. One object serves everyone who talks to one agent, in parallel."""

    remembers = True

    def __init__(
        self,
        api: ApiClient,
        parser: Understanding | None,
        registry: Registry,
        settings: Settings,
        clock: Clock = utc_now,
        *,
        prices: Mapping[str, Price] = NO_PRICES,
    ) -> None:
        self._api = api
        self.registry = registry
        self._settings = settings
        self._sessions = Sessions(api, clock)
        self._suggestions = Suggestions(api, self._sessions, registry)
        self._log_in = LogIn(api, self._sessions, settings.sign_in)
        self._orders = Orders(api, self._sessions, parser, registry, settings, clock, prices)
        self._memory_client = MemoryClient(api)
        self._dialogues: dict[Place, Dialogue] = {}
        self.open_secrets: OpenSecrets = OpenSecrets(api, clock, settings.login_timeout_seconds)

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        """Answer one message; return when it is answered, or when the bot has asked back.

        The one catch-all: raises what the reply channel raises, and nothing else.
        """
        request_id.set(incoming.message_id or uuid4().hex)
        place = (incoming.address, incoming.channel_id)
        async with reply_channel.typing():
            try:
                await self._receive(place, incoming, reply_channel)
            except Exception as error:
                await reply_channel.send(reply_to(error, incoming.address.platform))

    async def _receive(self, place: Place, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        """Hand a message to the question that it answers, or begin to answer it."""
        quotes = incoming.quoted and self.reads_quotes
        if not (incoming.text.strip() or quotes or (incoming.images and self.takes_images)):
            await reply_channel.send(WHAT_TO_DO if incoming.quoted else NO_TEXT)
            return
        if len(incoming.text) > MAX_LENGTH:
            await reply_channel.send(TOO_LONG.format(most=MAX_LENGTH))
            return
        dialogue = self._dialogues.get(place)
        if incoming.answers and (dialogue is None or dialogue.question != incoming.answers):
            await reply_channel.send(EXPIRED)
            return
        if incoming.edited and dialogue is not None:
            return
        if dialogue is not None and incoming.starts_new:
            await dialogue.close()
        elif dialogue and self._is_superseded(dialogue, incoming):
            await dialogue.supersede(reply_channel)
        elif dialogue and await dialogue.step(incoming, reply_channel):
            return
        patience, private = self._settings.login_timeout_seconds, incoming.private
        dialogue = Dialogue(reply_channel, patience, place, self.open_secrets, private=private)
        self._dialogues[place] = dialogue
        await dialogue.start(self._hold(dialogue, place, incoming))

    def waits_for_secret(self, place: Place) -> bool:
        """Say whether the next message there is a secret that the bot waits for."""
        dialogue = self._dialogues.get(place)
        return dialogue is not None and dialogue.waits_for_secret

    async def drop(self, place: Place) -> str:
        """Give up what is open there; return what is told of orders that were not carried out."""
        address, channel_id = place
        if dialogue := self._dialogues.get(place):
            await dialogue.close()
        not_done = ""
        if person := self._sessions.known(address):
            memory = person.memory(channel_id)
            not_done, memory.not_done, memory.timed_out = memory.not_done, "", False
        return not_done

    async def suggest(
        self, address: Address, key: tuple[str, str], field: str, typed: str
    ) -> list[str]:
        """Return what a person may mean by what they have typed into a command's field."""
        return await self._suggestions.find(address, key, field, typed)

    async def is_logged_in(self, address: Address) -> bool:
        """Say whether a person is logged in there."""
        return await self._sessions.get(address) is not None

    def admit(self, address: Address, session: dict[str, Any]) -> None:
        """Take it from a transport who writes from an address; `session` is the API's answer."""
        self._sessions.keep(address, session)

    def role_of(self, address: Address) -> Role:
        """Return what the person at an address may use, as far as that is known."""
        person = self._sessions.known(address)
        return person.session.role if person else "user"

    def is_waiting(self, address: Address, channel_id: str) -> bool:
        """Say whether the bot has asked a person something and waits for the answer."""
        return (address, channel_id) in self._dialogues

    async def close(self) -> None:
        """Drop the questions that are still open."""
        for dialogue in list(self._dialogues.values()):
            await dialogue.close()

    def _is_superseded(self, dialogue: Dialogue, incoming: Incoming) -> bool:
        """Say whether a message is an order of its own, though the bot has asked something."""
        may_be = dialogue.may_be_superseded and not incoming.answers
        return may_be and (
            dialogue.is_superseded_by(incoming) or self._orders.is_order(incoming.text)
        )

    async def _hold(self, dialogue: Dialogue, place: Place, incoming: Incoming) -> None:
        """Answer a message to the end, which may be several messages later."""
        try:
            await self._respond(dialogue, incoming)
        except TimedOut:
            logger.info("A question was left unanswered")
        except Exception as error:
            await dialogue.say(reply_to(error, incoming.address.platform))
        finally:
            if self._dialogues.get(place) is dialogue:
                del self._dialogues[place]

    async def _respond(self, dialogue: Dialogue, incoming: Incoming) -> None:
        """Log the person in, or carry out their order."""
        if normalise(incoming.text) in FORGET:
            await dialogue.say(await self._forget(incoming.address))
            return
        person = await self._sessions.get(incoming.address)
        if person is None:
            if incoming.edited:
                return
            if person := await self._log_in.by_account(dialogue, incoming):
                await self._answer_newcomer(dialogue, person, incoming)
                return
            if incoming.credentials is None and is_help(incoming.text):
                known = self.registry.open_to("user")
                await dialogue.say(help.full_help(known, logged_in=False))
                return
            if not incoming.private and incoming.credentials is None:
                await dialogue.say(LOG_IN_PRIVATELY)
                return
            person = await self._log_in.run(dialogue, incoming)
            if person is not None:
                await self._greet(dialogue, person)
            return
        memory = person.memory(incoming.channel_id)
        if incoming.edited and incoming.message_id != memory.correctable:
            return
        timed_out, memory.timed_out = memory.timed_out and not incoming.starts_new, False
        not_done, memory.not_done = memory.not_done, ""
        if timed_out:
            await dialogue.say(TIMED_OUT + not_done)
        await self._orders.execute(dialogue, person, incoming)

    async def _greet(self, dialogue: Dialogue, person: Person) -> None:
        """Tell somebody who has just logged in what can be said."""
        name = named(person.session.display_name)
        await dialogue.say(help.greeting(name, self.registry.open_to(person.session.role)))

    async def _answer_newcomer(
        self, dialogue: Dialogue, person: Person, incoming: Incoming
    ) -> None:
        """Answer the first message of somebody whom the platform vouches for."""
        words = normalise(incoming.text)
        if incoming.private:
            await self._greet(dialogue, person)
        if not (incoming.private and help.courtesy(words)) and words not in BEGINNINGS:
            await self._orders.execute(dialogue, person, incoming)

    async def _forget(self, address: Address) -> str:
        """Erase what is remembered of a person, and say what it was; their log-in stays."""
        person = await self._sessions.get(address)
        if person is None:
            return await self._memory_client.forget(address)
        phrases = await Phrases(UserApi(self._api, self._sessions, address, person)).forget()
        return await self._memory_client.forget(address, person.forget(), phrases)
