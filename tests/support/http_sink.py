"""A loopback stand-in for Discord's webhooks and an ntfy server.

Unless told otherwise it takes every message, as the real ones do: 204 for a webhook, 200 and JSON
for a topic. `answer()` scripts what it says instead.
"""

import json
import threading
from dataclasses import dataclass
from typing import Any

from tests.support.loopback import Asked, LoopbackServer, Reply

WEBHOOKS = "/api/webhooks/"


@dataclass(frozen=True)
class Answer(Reply):
    """One scripted answer; `delay` is how long it takes, in seconds, `until` what it waits for."""

    status: int = 204
    delay: float = 0
    until: threading.Event | None = None


def as_json(status: int, body: dict[str, Any], **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json"} | named)


def deleted_webhook() -> Answer:
    return as_json(404, {"message": "Unknown Webhook", "code": 10015})


def rate_limited(seconds: float) -> Answer:
    """Return what Discord says to a client that is too fast."""
    return as_json(
        429,
        {"message": "You are being rate limited.", "retry_after": seconds, "global": False},
        Retry_After=f"{seconds:g}",
        Via="1.1 google",
        X_RateLimit_Limit="5",
        X_RateLimit_Remaining="0",
        X_RateLimit_Reset_After=f"{seconds:g}",
        X_RateLimit_Bucket="webhooks",
        X_RateLimit_Scope="user",
    )


class HttpSink(LoopbackServer):
    """Records requests, and answers them; thread-safe."""

    def __init__(self) -> None:
        self.received: list[Asked] = []
        self._arrived = threading.Condition()
        self._answers: list[tuple[str, Answer]] = []
        super().__init__()

    @property
    def webhooks(self) -> str:
        """What the address of every webhook here begins with."""
        return self.url + WEBHOOKS

    @property
    def texts(self) -> list[str]:
        """The messages, as a person would see them."""
        with self._arrived:
            return [
                str(json.loads(one.body)["content"])
                if one.path.startswith(WEBHOOKS)
                else one.body.decode()
                for one in self.received
            ]

    def answer(self, path: str, *answers: Answer) -> None:
        """Give these answers to the next requests whose path begins with `path`."""
        with self._arrived:
            self._answers += [(path, answer) for answer in answers]

    def wait_for(self, count: int, timeout: float = 10) -> list[str]:
        """Return the texts once so many requests have arrived; fail where they do not."""
        with self._arrived:
            enough = self._arrived.wait_for(lambda: len(self.received) >= count, timeout)
            assert enough, f"{len(self.received)} of {count} requests arrived in {timeout} s"
        return self.texts

    def respond(self, asked: Asked) -> Answer:
        with self._arrived:
            self.received.append(asked)
            answer = self._next(asked.path)
            self._arrived.notify_all()
        if answer.until is not None:
            answer.until.wait(20)
        self.pause(answer.delay)
        return answer

    def _next(self, path: str) -> Answer:
        for number, (prefix, answer) in enumerate(self._answers):
            if path.startswith(prefix):
                del self._answers[number]
                return answer
        return Answer() if path.startswith(WEBHOOKS) else as_json(200, {"event": "message"})
