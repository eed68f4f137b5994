"""Who is logged in where: tokens are fetched when needed, and kept until shortly before the end."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from cachetools import LRUCache

from ai.sentences.references import NO_REFERENCES, References
from bot.api.batching import Batches
from bot.api.client import NO_REQUEST, ApiClient, ApiError, where
from bot.messages import Address, Session
from runtime.clock import Clock
from runtime.logs import request_id

Answer = TypeVar("Answer")

MAX_ROWS, MAX_PAGES = 1000, 10  # of a list at once: finding a name among them must take no time
TURNS_KEPT = 5
UNDO_KEPT = timedelta(minutes=15)

Turn = tuple[str, dict[str, Any]]
"""What was said, and what it was understood as: a command, or `{"commands": [...]}`."""


@dataclass(frozen=True)
class Undo:
    """How to take a change back; `told` is the reply then."""

    told: str
    steps: Callable[[], Awaitable[object]]
    until: datetime


@dataclass
class Memory:
    """What one person said and saw last in one place."""

    history: deque[Turn] = field(default_factory=lambda: deque(maxlen=TURNS_KEPT))
    references: References = NO_REFERENCES
    undo: Undo | None = None
    correctable: str = ""  # the latest message, where nothing came of it
    timed_out: bool = False  # whether the last question was left without an answer
    not_done: str = ""  # because of that, for the person

    def note(self, text: str, commands: list[dict[str, Any]]) -> None:
        """Remember what was said, and what it was understood as."""
        made = commands[0] if len(commands) == 1 else {"commands": commands}
        self.history.append((text, made))


TOKEN_KEPT = timedelta(minutes=55)  # the API's tokens are good for an hour
MAX_ACCOUNTS = 250  # accounts in one request
MAX_NAME = 255
PLACES_KEPT = 5  # of one person; the least recent one is forgotten beyond it
PEOPLE_KEPT = (
    10_000  # the least recent ones are dropped beyond it, and fetched again when they write
)

unreached: set[Address] = set()
"""Who took no message: the API is asked for them again when they write, and so hears that they do.

Shared by the deliveries and the agents of a process, which run in threads of their own.
"""


class SessionEnded(Exception):
    """The API no longer knows this log-in."""


@dataclass
class Person:
    """What the bot remembers of someone who is logged in."""

    session: Session
    renew_at: datetime
    zone_told: bool = False
    _memories: LRUCache[str, Memory] = field(default_factory=lambda: LRUCache(PLACES_KEPT))

    def memory(self, channel_id: str) -> Memory:
        """Return what is remembered of the conversation in one channel."""
        return self._memories.setdefault(channel_id, Memory())

    def forget(self) -> int:
        """Drop what was said in all channels; return how many messages that was."""
        messages = sum(len(memory.history) for memory in self._memories.values())
        self._memories.clear()
        return messages


class Sessions:
    """The people who are logged in, by address."""

    def __init__(self, api: ApiClient, clock: Clock, kept: int = PEOPLE_KEPT) -> None:
        self._api = api
        self._clock = clock
        self._renewals = Batches(self._fetch, MAX_ACCOUNTS)
        self._people: LRUCache[Address, Person] = LRUCache(kept)
        self._renewing: dict[Address, set[object]] = {}  # the renewals that still count

    async def get(self, address: Address) -> Person | None:
        """Return who writes from an address, with a token that is good, or None."""
        person = self._people.get(address)
        if person is None or person.renew_at <= self._clock() or address in unreached:
            try:
                return await self.renew(address)
            except SessionEnded:
                return None
        return person

    async def renew(self, address: Address) -> Person:
        """Fetch a fresh token. Raises SessionEnded where nobody is logged in there any more.

        A log-out meanwhile counts, whatever the API says: it may have answered before that.
        """
        this = object()
        self._renewing.setdefault(address, set()).add(this)
        try:
            answer = await self._renewals.ask(address)
            is_over = this not in self._renewing.get(address, ())
        finally:
            under_way = self._renewing.get(address, set())
            under_way.discard(this)
            if not under_way:
                self._renewing.pop(address, None)
        if answer is None and not is_over:
            self.forget(address)
        if answer is None or is_over:
            raise SessionEnded
        return self.keep(address, answer)

    def known(self, address: Address) -> Person | None:
        """Return who was logged in at an address when that was last asked, or None."""
        return self._people.get(address)

    async def open(self, address: Address, token: str) -> Person:
        """Log the owner of a token in at an address."""
        self.forget(address)
        return self.keep(
            address, await self._api.service("links", where(address) | {"token": token})
        )

    async def sign_in(self, address: Address, username: str, display_name: str) -> Person:
        """Log in whom the account at an address stands for, who may be new."""
        names = {"username": username[:MAX_NAME], "display_name": display_name or None}
        return self.keep(address, await self._api.service("sign-in", where(address) | names))

    async def close(self, address: Address) -> None:
        """Log out."""
        await self._api.service("unlink", where(address))
        self.forget(address)

    def knows(self, address: Address, person: Person) -> bool:
        """Say whether a person is still the one who is logged in there."""
        return self._people.get(address) is person

    def forget(self, address: Address) -> None:
        """Drop what is remembered; the log-in itself stays."""
        self._people.pop(address, None)
        self._renewing.pop(address, None)

    async def _fetch(self, addresses: list[Address]) -> list[dict[str, Any] | None]:
        """Return a fresh session for each address where somebody is logged in."""
        accounts = [where(address) for address in addresses]
        told = [address for address in addresses if address in unreached]
        unreached.difference_update(told)  # before, so that who is added meanwhile stays
        try:
            answer = await self._api.service("tokens", {"accounts": accounts})
        except BaseException:
            unreached.update(told)
            raise
        sessions: list[dict[str, Any] | None] = answer["sessions"]
        return sessions

    def keep(self, address: Address, answer: dict[str, Any]) -> Person:
        """Remember the session in the API's answer; a handler may hold the object, so it stays."""
        fresh = Session(
            token=answer["token"],
            user_uuid=answer["user_uuid"],
            username=answer["username"],
            display_name=answer["display_name"] or answer["username"],
            time_zone=answer["time_zone"],
            role=answer["role"],
            has_password=answer["has_password"],
        )
        renew_at = self._clock() + TOKEN_KEPT
        person = self._people.get(address)
        if person is None or person.session.user_uuid != fresh.user_uuid:
            person = self._people[address] = Person(fresh, renew_at)
        else:
            vars(person.session).update(vars(fresh))
            person.renew_at = renew_at
        return person


class Rows(list[dict[str, Any]]):
    """What was read of a list."""

    has_more = False  # the list is longer


class UserApi:
    """The API as one user: a refused token is renewed once by itself."""

    def __init__(
        self, api: ApiClient, sessions: Sessions, address: Address, person: Person
    ) -> None:
        self._api = api
        self._sessions = sessions
        self._address = address
        self._person = person
        self._message = request_id.get()
        self._posted = 0
        self.changes = 0  # requests that may have changed something

    def begin(self, message: str) -> None:
        """Count what is made from here on as one message: tried again, it is made once."""
        self._message, self._posted = message, 0

    async def get(self, path: str, data: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        """Read; `data` is the query."""
        return await self._request("GET", path, data)

    async def get_all(self, path: str, query: dict[str, Any] | None = None) -> "Rows":
        """Read a list to its end, page by page; MAX_ROWS and MAX_PAGES at most."""
        rows, cursor = Rows(), None
        for _ in range(MAX_PAGES):
            wanted = {**(query or {}), "limit": MAX_ROWS - len(rows), "cursor": cursor}
            page, cursor = await self.as_user(partial(self._api.page, path, wanted))
            rows += page
            if cursor is None or len(rows) >= MAX_ROWS:
                break
        rows.has_more = cursor is not None
        return rows

    async def post(self, path: str, data: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        """Make: once, though the message may be received twice."""
        self._posted += 1
        key = {"Idempotency-Key": f"{self._message}:{self._posted}"}
        return await self._request("POST", path, data, None if self._message == NO_REQUEST else key)

    async def put(self, path: str, data: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        """Change."""
        return await self._request("PUT", path, data)

    async def delete(self, path: str, data: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        """Remove."""
        return await self._request("DELETE", path, data)

    async def renew(self) -> None:
        """Fetch a fresh token. Raises SessionEnded."""
        self._person = await self._sessions.renew(self._address)

    def note_change(self) -> None:
        """Note a request that may change something."""
        self.changes += 1

    async def _request(
        self,
        method: str,
        path: str,
        data: dict[str, Any] | None,
        headers: dict[str, str] | None = None,
    ) -> Any:  # noqa: ANN401
        if method != "GET":
            self.note_change()

        async def send(token: str) -> Any:  # noqa: ANN401
            return await self._api.request(method, path, token=token, data=data, headers=headers)

        return await self.as_user(send)

    async def as_user(self, send: Callable[[str], Awaitable[Answer]]) -> Answer:
        """Send something with the user's token; once more with a fresh one where it is refused."""
        try:
            return await send(self._person.session.token)
        except ApiError as error:
            if error.status != 401:
                raise
        await self.renew()
        return await send(self._person.session.token)
