"""Tells open streams what is new: people what their agents say, the bot that messages wait.

One thread for all streams of the process. On PostgreSQL it is woken by whichever process made a
change; elsewhere it looks every WAKE_INTERVAL, and is woken by changes of its own process.
"""

import logging
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from uuid import UUID

from flask import current_app

from api.http.streams import Stream
from core import web_chats
from core.db.compiled import Row
from core.db.notify import can_listen, listen
from core.errors import TooManyAttempts
from runtime.logs import where_raised

log = logging.getLogger(__name__)

BEAT_SECONDS = 15.0  # between two signs of life, so that nobody on the way takes it for dead
MAX_SECONDS = 600.0  # of one stream; the client connects again, with a token that is good
MAX_STREAMS = 500  # of one process
MAX_OF_USER = 10
PAUSE = 2.0  # seconds, after something went wrong
BEAT = b":\n\n"
NEWS = b"event: messages\ndata: {}\n\n"
TOO_MANY = "Too many conversations are open. Please close one, or wait a moment."


@dataclass(eq=False)
class Follower:
    """A stream, and of whom: a user in a chat, or the bot, which follows no chat."""

    stream: Stream
    until: float  # by time.monotonic()
    chat_id: UUID | None = None
    user_uuid: UUID | None = None
    token_version: int = 0
    after: int = 0  # the number that it was told last


def written(row: Row) -> bytes:
    """Write an event as text/event-stream has it; JSON has no line ends in it."""
    return f"id: {row['number']}\nevent: {row['kind']}\ndata: {row['data']}\n\n".encode()


class Feed:
    """The streams that are open in this process."""

    def __init__(self, wake_interval: float) -> None:
        self._wake_interval = wake_interval
        self._lock = threading.Lock()  # around the followers, and the threads' begin and end
        self._followers: list[Follower] = []
        self._threads: list[threading.Thread] = []
        self._wake = threading.Event()
        self._messages = threading.Event()

    def stream(self) -> Stream:
        """Return a stream that is forgotten when it is over."""
        return Stream(self._forget)

    def follow(self, stream: Stream, chat: Row, token_version: int, after: int) -> None:
        """Tell a user what is said in their chat after a number. Raises TooManyAttempts."""
        until = time.monotonic() + MAX_SECONDS
        user = chat["user_uuid"]
        self._add(Follower(stream, until, chat["id"], user, token_version, after))

    def follow_messages(self, stream: Stream) -> None:
        """Tell the bot when messages wait. Raises TooManyAttempts."""
        self._add(Follower(stream, time.monotonic() + MAX_SECONDS))

    def tell(self, *, messages: bool = False) -> None:
        """Look at once: something was said, or with `messages`, a message waits."""
        if messages:
            self._messages.set()
        self._wake.set()

    def _add(self, follower: Follower) -> None:
        with self._lock:
            own = [one for one in self._followers if one.user_uuid == follower.user_uuid]
            is_bot = follower.user_uuid is None
            if len(self._followers) >= MAX_STREAMS or (len(own) >= MAX_OF_USER and not is_bot):
                raise TooManyAttempts(5, TOO_MANY)
            self._followers.append(follower)
            if not self._threads:
                work = [self._run, *([self._listen] if can_listen() else [])]
                self._threads = [threading.Thread(target=one, daemon=True) for one in work]
                for thread in self._threads:
                    thread.start()
        self.tell(messages=is_bot)

    def _forget(self, stream: Stream) -> None:
        with self._lock:
            self._followers = [one for one in self._followers if one.stream is not stream]
        self._wake.set()

    def _has_ended(self) -> bool:
        """Say whether nobody follows any more; then the threads end."""
        with self._lock:
            if self._followers:
                return False
            self._threads = []
            return True

    def _run(self) -> None:
        pause = BEAT_SECONDS if can_listen() else min(self._wake_interval, BEAT_SECONDS)
        beat_at = time.monotonic() + BEAT_SECONDS
        while not self._has_ended():
            if not self._wake.wait(pause) and not can_listen():
                self._messages.set()  # another process may have taken one in
            self._wake.clear()
            try:
                self._look()
            except Exception as error:  # such as a database that is away: they are told later
                self._wake.set()
                log.warning("open streams wait: %s", where_raised(error))
                time.sleep(PAUSE)
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + BEAT_SECONDS
                self._beat()

    def _look(self) -> None:
        """Tell everyone what is new to them."""
        messages_wait = self._messages.is_set()
        self._messages.clear()
        with self._lock:
            followers = list(self._followers)
        states = web_chats.states({one.chat_id for one in followers if one.chat_id is not None})
        for follower in followers:
            if follower.chat_id is None:
                if messages_wait:
                    follower.stream.send(NEWS)
                continue
            state = states.get(follower.chat_id)
            if state is None or state.token_version != follower.token_version:
                follower.stream.end()
            elif state.last_number > follower.after:
                self._tell(follower, follower.chat_id, state.last_number)

    def _tell(self, follower: Follower, chat_id: UUID, last_number: int) -> None:
        rows = web_chats.events_after(chat_id, follower.after)
        follower.stream.send(b"".join(map(written, rows)))
        follower.after = max([last_number, *(row["number"] for row in rows)])

    def _beat(self) -> None:
        with self._lock:
            followers = list(self._followers)
        now = time.monotonic()
        for follower in followers:
            if now > follower.until:
                follower.stream.end()
            else:
                follower.stream.send(BEAT)

    def _listen(self) -> None:
        """Look when another process has changed something."""
        me = threading.current_thread()
        while me in self._threads:
            try:
                with closing(listen()) as topics:
                    for topic in topics:
                        if topic in ("chat messages", "chat events"):
                            self.tell(messages=topic == "chat messages")
                        if me not in self._threads:
                            return
            except Exception as error:
                if me not in self._threads:
                    return
                log.warning("other processes' changes are seen late: %s", where_raised(error))
            time.sleep(PAUSE)


def feed() -> Feed:
    """Return the streams of this process, in a request."""
    found: Feed = current_app.extensions["feed"]
    return found
