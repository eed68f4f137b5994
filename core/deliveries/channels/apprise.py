"""What Apprise adds: e-mail, Telegram, Slack and many more, each by an address with a scheme.

Whoever knows such an address can send in its owner's name: it is never shown, logged, or part of an
error. Only the schemes in PUSH_SCHEMES are taken, an address is built again from its allowed parts,
and none leads into a private network or to a file.
"""

import asyncio
import logging
import re
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode
from uuid import UUID

from config.settings import get_settings
from core import postgres
from core.deliveries.ssrf_guard import Guard, outside_only
from core.errors import InvalidInput
from core.notifications import Outcome, Progress

logger = logging.getLogger(__name__)

MAX_CHARS = 1000
CONNECT_SECONDS, READ_SECONDS = 5.0, 10.0
SCHEME = re.compile(r"([a-z0-9]{1,32})://([^?]+)(?:\?(.*))?", re.DOTALL)  # split as Apprise does
# What may stand behind the question mark. Others name files (PGP keys, templates), fetch pages,
# wait and retry, or change how connections are made.
MAIL = {"to", "from", "name", "user", "pass", "smtp", "mode", "cc", "bcc", "reply", "format"}
OPTIONS = {
    "mailto": MAIL,
    "mailtos": MAIL,
    "pover": {"to"},
    "slack": {"to", "mode"},
    "tgram": {"to", "thread", "topic", "silent"},
}
OTHER_OPTIONS = {"to", "from", "name", "user", "pass", "thread", "topic", "silent"}
CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")
# How Apprise's warnings end where a service has refused a message: the status of its answer.
STATUS = re.compile(r"\berror=(\d{3})\.?\s*$")
PASSING = (408, 425, 429)  # the statuses below 500 that are worth another try
GONE = (401, 403, 404, 410)  # the token or the receiver is: nothing will arrive there any more
SHAPE = "The address looks like tgram://bot-token/chat-id; https://appriseit.com lists them all."


def check(url: str) -> tuple[str, str]:
    """Return the scheme of an address that can be used, and the address made of its allowed parts.

    Raises InvalidInput, which does not repeat the address, for any other.
    """
    found = SCHEME.fullmatch(url)
    if found is None or len(url) > MAX_CHARS:
        raise InvalidInput(SHAPE)
    scheme, path, query = found.groups()
    schemes = get_settings().push_schemes
    if scheme not in schemes:
        raise InvalidInput(f"The address may begin with {', '.join(schemes)}, each with “://”.")
    pairs = [(name.lower(), value) for name, value in parse_qsl(query or "", True)]
    allowed = OPTIONS.get(scheme, OTHER_OPTIONS)
    if {name for name, _ in pairs} - allowed:
        raise InvalidInput(f"Behind the question mark there may be {', '.join(sorted(allowed))}.")
    # Of characters that are encoded twice, the inner ones stay so.
    if any(CONTROL.search(unquote(one)) for one in (path, *(v.replace(" ", "") for _, v in pairs))):
        raise InvalidInput(SHAPE)
    rebuilt = f"{scheme}://{path}" + (f"?{urlencode(pairs, quote_via=quote)}" if pairs else "")
    if _service(rebuilt) is None:
        raise InvalidInput(SHAPE)
    return scheme, rebuilt


async def deliver(url: str, text: str, progress: Progress) -> Outcome:
    """Send plain text to an address; what comes of it is returned, never raised.

    Cancelling it ends its connections, however slowly the service answers.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Outcome] = loop.create_future()
    guard = Guard(get_settings().push_networks)

    def tell(found: Outcome) -> None:
        if not outcome.done():
            outcome.set_result(found)

    def send() -> None:
        try:
            found = _send(url, text, progress, guard)
        except Exception:
            logger.exception("a message could not be sent")
            found = Outcome("retry", "something went wrong on our side")
        with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
            loop.call_soon_threadsafe(tell, found)

    # A thread of its own, which may wait for a name server: it holds up neither others nor the end.
    threading.Thread(target=send, name="push", daemon=True).start()
    try:
        return await outcome
    finally:
        guard.cut()


def addresses_of(user_uuid: UUID) -> list[dict[str, Any]]:
    """Return scheme and state of a user's addresses, without the addresses."""
    columns = ["scheme", "enabled"]
    return postgres.select(
        "push_addresses", {"user_uuid": user_uuid}, order_by="scheme", columns=columns
    )


def set_address(user_uuid: UUID, url: str) -> str:
    """Take an address over, in place of one with the same scheme; return the scheme."""
    scheme, url = check(url)
    row = {"user_uuid": user_uuid, "scheme": scheme, "url": url, "enabled": True}
    postgres.upsert("push_addresses", row, ["user_uuid", "scheme"])
    return scheme


def switch(user_uuid: UUID, scheme: str, enabled: bool) -> bool:
    """Turn an address on or off; False where there is none of the scheme."""
    where = {"user_uuid": user_uuid, "scheme": scheme}
    return bool(postgres.update("push_addresses", {"enabled": enabled}, where))


def remove_address(user_uuid: UUID, scheme: str) -> bool:
    """Forget an address; False where there is none of the scheme."""
    return bool(postgres.delete("push_addresses", {"user_uuid": user_uuid, "scheme": scheme}))


def _send(url: str, text: str, progress: Progress, guard: Guard) -> Outcome:
    try:
        _, url = check(url)
    except InvalidInput:
        return Outcome("failed", "the settings no longer allow the address", off=True)
    service = _service(url)
    warnings = _Warnings()
    service.logger = warnings.logger
    with outside_only(guard=guard):
        # Apprise's own way to prepare a message, part by part as the service takes them.
        calls = list(service._build_send_calls(body=text, body_format="text"))
        for call in calls[progress.parts :]:
            if not service.send(**call):
                break
            progress.parts += 1
        else:
            return Outcome("sent")
    if guard.refused:
        return Outcome("failed", "the address leads into a private network", off=True)
    return _refusal(warnings.statuses, len(service))


class _Warnings(logging.Handler):
    """What Apprise warns of while it sends one message: it tells in no other way why that failed.

    The warnings name addresses, so nothing but the statuses is kept: None for one without.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.statuses: list[int | None] = []
        self.logger = logging.Logger("push", logging.WARNING)  # with no parent: nobody else hears
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the status."""
        found = STATUS.search(record.getMessage())
        self.statuses.append(int(found[1]) if found else None)


def _refusal(statuses: Sequence[int | None], targets: int) -> Outcome:
    """Return what comes of a message that not every target of an address has taken.

    It fails for good where every complaint is a status that stays; the address is turned off where
    there is such a one for each target.
    """
    lasting = [one for one in statuses if one and 400 <= one < 500 and one not in PASSING]
    if not lasting or len(lasting) < len(statuses):
        return Outcome("retry", "the service did not take it")
    off = len(lasting) >= targets and all(one in GONE for one in lasting)
    return Outcome("failed", f"the service answered {lasting[0]}", off=off)


def _service(url: str) -> Any:  # noqa: ANN401 - Apprise's
    """Return what sends to an address, None where it can't be read; how it does so is ours."""
    # Here, for it takes 200 ms, and most starts send nothing this way.
    from apprise import Apprise, AppriseAsset, OverflowMode, PersistentStoreMode

    # Nothing is read from the disk or kept there, such as PGP keys that are made by themselves.
    asset = AppriseAsset(pgp_autogen=False, storage_mode=PersistentStoreMode.MEMORY)
    service = Apprise.instantiate(url, asset=asset)
    if service is not None:
        service.overflow_mode = OverflowMode.SPLIT
        service.redirects = False
        service.verify_certificate = True
        service.socket_connect_timeout = CONNECT_SECONDS
        service.socket_read_timeout = READ_SECONDS
    return service
