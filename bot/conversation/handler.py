"""One message in, the replies out, in five steps: receive, identify, understand, execute, reply.

`handle` receives, and `answer` does the rest, over as many messages as it takes. Knows no Discord.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
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
from bot.conversation.voice import TO_BE_TYPED, NotHeard, Voice
from bot.dialogue import Dialogue, TimedOut, normalise
from bot.framework import help
from bot.framework.autocomplete import Suggestions
from bot.framework.registry import Registry
from bot.framework.small_talk import courtesy
from bot.markdown import escape, named
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

HEARD = "I have heard: “{text}”"
TOO_LONG = "That is too long for me: I read up to {most:,} characters."
MAX_LENGTH = 4000  # characters; Discord's documentation: the longest message that anybody can send

NO_PRICES: Mapping[str, Price] = {}


def is_help(text: str) -> bool:
    """Say whether a text asks what can be said, which anybody may."""
    return bool(text.strip("? ")) and help.calls_for_help(normalise(text))


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
        answer: Callable[[Dialogue, Incoming], Awaitable[None]] | None = None,
        tokens_per_day: int = 0,
    ) -> None:
        """Answer with the commands of a registry, or by `answer`, which may use `self.answer`."""
        self._api = api
        self.registry = registry
        self._settings = settings
        self.sessions = Sessions(api, clock)
        self._suggestions = Suggestions(api, self.sessions, registry)
        self.log_in = LogIn(api, self.sessions, settings.sign_in)
        self.orders = Orders(
            api, self.sessions, parser, registry, settings, clock, prices, tokens_per_day
        )
        self._voice = Voice(settings)
        self.takes_voice = self._voice.is_on
        self.memory = MemoryClient(api)
        self._answer = answer or self.answer
        self._dialogues: dict[Place, Dialogue] = {}
        self.open_secrets: OpenSecrets = OpenSecrets(api, clock, settings.login_timeout_seconds)

    async def handle(self, incoming: Incoming, reply_channel: ReplyChannel) -> None:
        """Answer one message; return when it is answered, or when the bot has asked back.

        The one catch-all: raises what the reply channel raises, and nothing else.
        """
        request_id.set(incoming.message_id or uuid4().hex)
        async with reply_channel.typing():
            try:
                if incoming.recording is not None:
                    incoming = await self._written_out(incoming, reply_channel)
                dialogue = await self._receive(incoming, reply_channel)
                if dialogue is not None:
                    await dialogue.start(self._hold(dialogue, incoming))
            except NotHeard as error:
                await reply_channel.send(str(error))
            except Exception as error:
                await reply_channel.send(reply_to(error, incoming.address.platform))

    async def answer(self, dialogue: Dialogue, incoming: Incoming) -> None:
        """Answer a message that began a dialogue: identify, understand, execute, reply."""
        if normalise(incoming.text) in FORGET:
            await dialogue.say(await self._forget(incoming.address))
            return
        person = await self._identify(dialogue, incoming)
        if person is None:
            return
        orders = await self.orders.understand(dialogue, person, incoming)
        async with aclosing(self.orders.execute(dialogue, person, incoming, orders)) as replies:
            async for reply in replies:
                await dialogue.say(reply)

    async def _written_out(self, incoming: Incoming, reply_channel: ReplyChannel) -> Incoming:
        """Return a voice message as a typed one, and show what was heard. Raises NotHeard."""
        address, is_typed, quoted = incoming.address, incoming.text.strip(), incoming.recording
        is_secret = self.waits_for_secret(incoming.place)
        if is_typed and (is_secret or not self.takes_voice):
            return replace(incoming, recording=None)
        if is_secret:
            raise NotHeard(TO_BE_TYPED)
        if quoted and quoted.is_quoted and not (is_typed or self.reads_quotes):
            raise NotHeard(WHAT_TO_DO)
        person = await self.sessions.get(address)
        budget = self.orders.budget(person or address, address.agent)
        written = await self._voice.written_out(incoming, budget)
        if written.text != incoming.text and len(written.text) <= MAX_LENGTH:
            await reply_channel.send(HEARD.format(text=escape(written.text)))
        return written

    async def _receive(self, incoming: Incoming, reply_channel: ReplyChannel) -> Dialogue | None:
        """Return the dialogue that a message begins; None where it needs no further answer."""
        place = incoming.place
        dialogue = self._dialogues.get(place)
        if refusal := self._refusal(incoming, dialogue):
            await reply_channel.send(refusal)
            return None
        if dialogue is not None:
            if incoming.edited:
                return None
            if incoming.starts_new:
                await dialogue.close()
            elif self._is_superseded(dialogue, incoming):
                await dialogue.supersede(reply_channel)
            elif await dialogue.step(incoming, reply_channel):
                return None
        patience, private = self._settings.login_timeout_seconds, incoming.private
        dialogue = Dialogue(reply_channel, patience, place, self.open_secrets, private=private)
        self._dialogues[place] = dialogue
        return dialogue

    def _refusal(self, incoming: Incoming, dialogue: Dialogue | None) -> str:
        """Return why a message can't be answered, or ""."""
        quotes = incoming.quoted and self.reads_quotes
        if not (incoming.text.strip() or quotes or (incoming.images and self.takes_images)):
            return WHAT_TO_DO if incoming.quoted else NO_TEXT
        if len(incoming.text) > MAX_LENGTH:
            return TOO_LONG.format(most=MAX_LENGTH)
        if incoming.answers and (dialogue is None or dialogue.question != incoming.answers):
            return EXPIRED
        return ""

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
        if person := self.sessions.known(address):
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
        return await self.sessions.get(address) is not None

    def admit(self, address: Address, session: dict[str, Any]) -> None:
        """Take it from a transport who writes from an address; `session` is the API's answer."""
        self.sessions.keep(address, session)

    def role_of(self, address: Address) -> Role:
        """Return what the person at an address may use, as far as that is known."""
        person = self.sessions.known(address)
        return person.session.role if person else "user"

    def is_waiting(self, address: Address, channel_id: str) -> bool:
        """Say whether the bot has asked a person something and waits for the answer."""
        return (address, channel_id) in self._dialogues

    async def close(self) -> None:
        """Drop the questions that are still open, and the connections."""
        for dialogue in list(self._dialogues.values()):
            await dialogue.close()
        await self._voice.close()

    def _is_superseded(self, dialogue: Dialogue, incoming: Incoming) -> bool:
        """Say whether a message is an order of its own, though the bot has asked something."""
        may_be = dialogue.may_be_superseded and not incoming.answers
        return may_be and (
            dialogue.is_superseded_by(incoming) or self.orders.is_order(incoming.text)
        )

    async def _hold(self, dialogue: Dialogue, incoming: Incoming) -> None:
        """Answer a message to the end, which may be several messages later."""
        place = incoming.place
        try:
            await self._answer(dialogue, incoming)
        except TimedOut:
            logger.info("A question was left unanswered")
        except Exception as error:
            await dialogue.say(reply_to(error, incoming.address.platform))
        finally:
            if self._dialogues.get(place) is dialogue:
                del self._dialogues[place]

    async def _identify(self, dialogue: Dialogue, incoming: Incoming) -> Person | None:
        """Return who wrote a message that is to be answered now; a stranger logs in first."""
        person = await self.sessions.get(incoming.address)
        if person is None:
            return None if incoming.edited else await self._meet(dialogue, incoming)
        memory = person.memory(incoming.channel_id)
        if incoming.edited and incoming.message_id != memory.correctable:
            return None
        timed_out, memory.timed_out = memory.timed_out and not incoming.starts_new, False
        not_done, memory.not_done = memory.not_done, ""
        if timed_out:
            await dialogue.say(TIMED_OUT + not_done)
        return person

    async def _meet(self, dialogue: Dialogue, incoming: Incoming) -> Person | None:
        """Log a stranger in; return them where their first message is to be answered as well."""
        if person := await self.log_in.by_account(dialogue, incoming):
            if incoming.private:
                await self._greet(dialogue, person)
            words = normalise(incoming.text)
            was_greeting = words in BEGINNINGS or (incoming.private and courtesy(words))
            return None if was_greeting else person
        if incoming.credentials is None and is_help(incoming.text):
            await dialogue.say(help.full_help(self.registry.open_to("user"), logged_in=False))
        elif incoming.credentials is None and not incoming.private:
            await dialogue.say(LOG_IN_PRIVATELY)
        elif person := await self.log_in.run(dialogue, incoming):
            await self._greet(dialogue, person)
        return None

    async def _greet(self, dialogue: Dialogue, person: Person) -> None:
        """Tell somebody who has just logged in what can be said."""
        name = named(person.session.display_name)
        await dialogue.say(help.greeting(name, self.registry.open_to(person.session.role)))

    async def _forget(self, address: Address) -> str:
        """Erase what is remembered of a person, and say what it was; their log-in stays."""
        person = await self.sessions.get(address)
        if person is None:
            return await self.memory.forget(address)
        phrases = await Phrases(UserApi(self._api, self.sessions, address, person)).forget()
        return await self.memory.forget(address, person.forget(), phrases)
