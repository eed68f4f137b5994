"""What Apprise adds: e-mail, Telegram, Slack and many more, each by an address with a scheme.

Whoever knows such an address can send in its owner's name: it is never shown, logged, or part of an
error. Only the schemes in PUSH_SCHEMES are taken, and no address leads into a private network.
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from apprise import Apprise, NotifyFormat

from config.settings import get_settings
from core import postgres
from core.errors import InvalidInput
from core.notifications import Outcome
from core.outside import outside_only

LONGEST = 1000
CONNECT_SECONDS, READ_SECONDS = 5.0, 10.0
SENDERS = 16  # messages on their way at once
SCHEME = re.compile(r"([a-z0-9]{1,32})://")
# What may stand behind the question mark: others name files, or change how connections are made.
OPTIONS = {
    *("to", "from", "name", "user", "pass", "smtp", "mode", "cc", "bcc", "reply", "format"),
    *("thread", "topic", "silent"),
}
# How Apprise's warnings end where a service has refused a message: the status of its answer.
STATUS = re.compile(r"\berror=(\d{3})\.?\s*$")
PASSING = (408, 425, 429)  # the statuses below 500 that are worth another try
GONE = (401, 403, 404, 410)  # the token or the receiver is: nothing will arrive there any more
SHAPE = "The address looks like tgram://bot-token/chat-id; https://appriseit.com lists them all."

_senders = ThreadPoolExecutor(SENDERS, thread_name_prefix="push")


def check(url: str) -> str:
    """Return the scheme of an address that can be used.

    Raises InvalidInput, which does not repeat the address, for any other.
    """
    found = SCHEME.match(url)
    if found is None or len(url) > LONGEST:
        raise InvalidInput(SHAPE)
    schemes = get_settings().push_schemes
    if found[1] not in schemes:
        raise InvalidInput(f"The address may begin with {', '.join(schemes)}, each with “://”.")
    options = {name.lower() for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    if options - OPTIONS:
        raise InvalidInput(f"Behind the question mark there may be {', '.join(sorted(OPTIONS))}.")
    if _service(url) is None:
        raise InvalidInput(SHAPE)
    return found[1]


async def deliver(url: str, text: str) -> Outcome:
    """Send plain text to an address; what comes of it is returned, never raised."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_senders, _send, url, text)


def addresses_of(user_uuid: UUID) -> list[dict[str, Any]]:
    """Return scheme and state of a user's addresses, without the addresses."""
    columns = ["scheme", "enabled"]
    return postgres.select(
        "push_addresses", {"user_uuid": user_uuid}, order_by="scheme", columns=columns
    )


def set_address(user_uuid: UUID, url: str) -> str:
    """Take an address over, in place of one with the same scheme; return the scheme."""
    scheme = check(url)
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


def _send(url: str, text: str) -> Outcome:
    try:
        check(url)
    except InvalidInput:
        return Outcome("failed", "the settings no longer allow the address", off=True)
    service = _service(url)
    warnings = _Warnings()
    service.logger = warnings.logger
    with outside_only(get_settings().push_networks) as refusals:
        taken = service.notify(body=text, body_format=NotifyFormat.TEXT)
    if refusals.happened:
        return Outcome("failed", "the address leads into a private network", off=True)
    if taken:
        return Outcome("sent")
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
    service = Apprise.instantiate(url)
    if service is not None:
        service.redirects = False
        service.verify_certificate = True
        service.socket_connect_timeout = CONNECT_SECONDS
        service.socket_read_timeout = READ_SECONDS
    return service
