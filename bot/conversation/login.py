"""Log-in and registration in the chat: user name, then password."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from bot.api.client import ApiAway, ApiClient, ApiError
from bot.api.sessions import Person, Sessions
from bot.dialogue import Dialogue, normalise
from bot.framework import help
from bot.framework.small_talk import courtesy
from bot.markdown import escape
from bot.messages import Address, Button, Credentials, Incoming
from runtime.logs import holds_secret

WELCOME = (
    "Hello! Tell me what you want in plain words, and I'll do it and remind you.\n"
    "What is your user name? (If you have no account yet, say **register**.)"
)
NEW_NAME = "Let's make you an account. What should your user name be?"
NAME = "What is your user name?"
NEW_PASSWORD = "Choose a password of 8 to 72 characters."  # noqa: S105 - a question
PASSWORD = "And your password?"  # noqa: S105 - a question
REFUSED = "That user name and password don't belong together. Send me any message to try again."
HELP = (
    "I am a bot that keeps your lists and reminds you, and whatever else I was taught. Tell me "
    "your user name, and I'll ask for your password. Say **register** to make an account or "
    "**cancel** to stop. Once you are logged in, **help** lists what I can do."
)
AGAIN = "I can't reach the service right now. Send me any message and I'll try again."
FORMS = (
    Button("Log in", "log in", "go", form="log in"),
    Button("Register", "register", form="register"),
)
WITH_ACCOUNT = Button("Use my Discord account", "use discord", "go")
WITH_ACCOUNT_WORDS = frozenset(
    {"use discord", "use my discord account", "sign in with discord", "log in with discord"}
)
REGISTER, LOG_IN = frozenset({"register", "sign up"}), frozenset({"login", "log in", "sign in"})
BEGINNINGS = REGISTER | LOG_IN | WITH_ACCOUNT_WORDS
LOG_OUT = frozenset({"log out", "logout", "sign out"})
WHO_FIRST = f"I need to know who you are first. {NAME} (Or say **register**.)"
MAX_WORDS = 3  # in a user name, as far as can be guessed; one that is said twice may have more

Answer = TypeVar("Answer")


class LogIn:
    """Find out who writes from an address."""

    def __init__(self, api: ApiClient, sessions: Sessions, sign_in: Collection[str]) -> None:
        """Log people in by the ways that the setting SIGN_IN names."""
        self._api = api
        self._sessions = sessions
        self._ways = frozenset(sign_in)

    async def by_account(self, dialogue: Dialogue, incoming: Incoming) -> Person | None:
        """Log in by the platform's account where that is allowed, and the only way or asked for."""
        address = incoming.address
        asked = normalise(incoming.text) in WITH_ACCOUNT_WORDS
        if not (address.platform in self._ways and (asked or "password" not in self._ways)):
            return None
        if incoming.credentials is not None:
            return None
        names = incoming.username or incoming.author_name, incoming.author_name
        return await _patiently(dialogue, lambda: self._sessions.sign_in(address, *names))

    async def run(self, dialogue: Dialogue, incoming: Incoming) -> Person | None:
        """Log a person in who has sent a first message; None where they were refused."""
        address, given = incoming.address, incoming.credentials
        if given is not None:
            return await self._enter(dialogue, address, given)
        word = normalise(incoming.text)
        if word in REGISTER:
            return await self._register(dialogue, address)
        forms = (WITH_ACCOUNT, *FORMS) if address.platform in self._ways else FORMS
        answer = await dialogue.ask(NAME if word in LOG_IN else WELCOME, buttons=forms)
        before = ""
        while (again := _instead_of_name(answer)) and answer != before:
            before, answer = answer, await dialogue.ask(again, buttons=forms)
        if person := await self.by_account(dialogue, replace(incoming, text=answer)):
            return person
        if normalise(answer) in REGISTER:
            return await self._register(dialogue, address)
        password = await _password(dialogue, PASSWORD)
        return await self._open(dialogue, address, answer.strip(), password)

    async def _enter(
        self, dialogue: Dialogue, address: Address, given: Credentials
    ) -> Person | None:
        """Take what was filled in; a form is not asked for again, since it can be opened again."""
        holds_secret.set(True)  # in this dialogue's own task
        username, password = given.username.strip(), given.password
        if given.new:
            try:
                await self._persist(dialogue, address, "/api/register", username, password)
            except ApiError as error:
                if error.status not in (400, 409):
                    raise
                await dialogue.say(escape(error.message), FORMS)
                return None
        return await self._open(dialogue, address, username, password)

    async def _open(
        self, dialogue: Dialogue, address: Address, username: str, password: str
    ) -> Person | None:
        """Exchange a name and a password for a session."""
        try:
            answer = await self._persist(dialogue, address, "/api/login", username, password)
        except ApiError as error:
            if error.status not in (400, 401):
                raise
            await dialogue.say(REFUSED, FORMS)
            return None
        return await _patiently(dialogue, lambda: self._sessions.open(address, answer["token"]))

    async def _register(self, dialogue: Dialogue, address: Address) -> Person | None:
        """Make an account, asking again for whatever is refused, then log in."""
        username = (await dialogue.ask(NEW_NAME)).strip()
        password = await _password(dialogue, NEW_PASSWORD)
        while True:
            try:
                await self._persist(dialogue, address, "/api/register", username, password)
            except ApiError as error:
                if error.status not in (400, 409):
                    raise
                reason = escape(error.message)
                if "password" in error.message.lower():
                    password = await _password(
                        dialogue, f"{reason} Please choose another password."
                    )
                else:
                    username = (
                        await dialogue.ask(f"{reason} Please choose another user name.")
                    ).strip()
            else:
                return await self._open(dialogue, address, username, password)

    async def _persist(
        self, dialogue: Dialogue, address: Address, path: str, username: str, password: str
    ) -> Any:  # noqa: ANN401 - JSON
        data = {"username": username, "password": password}
        return await _patiently(dialogue, lambda: self._api.for_stranger(address, path, data))


def _instead_of_name(answer: str) -> str | None:
    """Return what to say to words that are hardly a user name, or None."""
    words = normalise(answer)
    if words in LOG_IN:
        return NAME
    if help.calls_for_help(words) or answer.rstrip().endswith("?"):
        return HELP
    if courtesy(words) or len(words.split()) > MAX_WORDS:
        return WHO_FIRST
    return None


async def _password(dialogue: Dialogue, question: str) -> str:
    ask = partial(dialogue.ask, question, secret="your password")  # noqa: S106 - what it is
    return await _patiently(dialogue, ask)


async def _patiently(dialogue: Dialogue, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
    """Try until the API can be reached, so that nothing has to be typed twice."""
    while True:
        try:
            return await attempt()
        except ApiAway:
            await dialogue.ask(AGAIN)
