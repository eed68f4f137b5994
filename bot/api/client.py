"""The bot's only door to data: the API, over HTTP."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from bot.messages import Address
from runtime.logs import request_id
from runtime.proxy import proxy_for

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 15  # a log-in hashes a password, which takes up to a second on a busy machine
SILENCE_SECONDS = 45  # of a stream, which the API breaks every 15
TOTAL_SECONDS = 60  # for a whole answer, however slowly it drips
CONNECTIONS = 16  # of one agent; the API works on no more at once, and takes 1,000 in all
NO_REQUEST = "-"  # what runtime.logs puts where no message is being answered
AWAY = "I can't reach the service right now. Please try again in a moment."


_FIELD = re.compile(r"^[a-z]+(?:_[a-z]+)+: ")


class ApiError(Exception):
    """The API said no; `message` is its sentence for the user, `status` the HTTP status.

    `exception` is what went wrong inside it, which it says in development alone.
    """

    def __init__(self, status: int, message: str, exception: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.exception = exception

    @property
    def told(self) -> str:
        """The sentence without the name of the field that is wrong, which programs need."""
        return _FIELD.sub("", self.message)


class ApiAway(ApiError):
    """The API can't be reached, or did not answer in time."""

    def __init__(self) -> None:
        super().__init__(503, AWAY)


class ApiClient:
    """Requests to the API, as a user (with a token) or as the bot itself (with the service key)."""

    def __init__(self, base_url: str, service_key: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._service_key = service_key
        self._http: aiohttp.ClientSession | None = None

    def another(self) -> "ApiClient":
        """Return one with connections of its own, since they belong to one event loop."""
        return ApiClient(self._base_url, self._service_key)

    async def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        http, self._http = self._http, None
        if http:
            await http.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        """Send one request and return the JSON of the answer.

        `data` is the query of a GET and the JSON body of all others. Raises ApiError, or ApiAway.
        """
        return (await self._exchange(method, path, token, data, headers))[0]

    async def page(
        self, path: str, query: dict[str, Any], token: str
    ) -> tuple[list[Any], str | None]:
        """Return one page of a list, and the cursor of the next one. Raises as `request`."""
        return await self._exchange("GET", path, token, query, None)

    async def _exchange(
        self,
        method: str,
        path: str,
        token: str | None,
        data: dict[str, Any] | None,
        headers: dict[str, str] | None,
    ) -> tuple[Any, str | None]:
        headers = dict(headers or {})
        if (message := request_id.get()) != NO_REQUEST:
            headers["X-Request-ID"] = message  # the API's log lines name it as well
        if token:
            headers["Authorization"] = f"Bearer {token}"
        query = body = None
        if method == "GET":
            query = {name: _word(it) for name, it in (data or {}).items() if it is not None}
        elif data is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(data, default=_plain)
        try:
            async with (
                asyncio.timeout(TOTAL_SECONDS),
                self._session().request(
                    method,
                    self._base_url + path,
                    params=query,
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                ) as response,
            ):
                answer = _answer(response.status, await response.read())
                following = response.links.get("next")
                return answer, URL(following["url"]).query.get("cursor") if following else None
        except (aiohttp.ClientError, TimeoutError) as error:
            logger.warning("The API can't be reached: %s", type(error).__name__)
            raise ApiAway from error

    async def service(self, path: str, data: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Send a POST as the bot itself, to one of the routes below /api/service."""
        return await self.request(
            "POST",
            f"/api/service/{path}",
            data=data,
            headers={"X-Service-Key": self._service_key},
        )

    async def events(self, path: str) -> AsyncIterator[str]:
        """Follow one of the streams below /api/service, and yield the names of its events.

        Ends when the API ends it. Raises ApiError, or ApiAway.
        """
        timeout = aiohttp.ClientTimeout(sock_connect=TIMEOUT_SECONDS, sock_read=SILENCE_SECONDS)
        try:
            async with self._session().get(
                f"{self._base_url}/api/service/{path}",
                headers={"X-Service-Key": self._service_key},
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                if response.status != 200:
                    _answer(response.status, await response.read())
                    raise ApiAway
                async for line in response.content:
                    name, _, value = line.decode(errors="replace").partition(":")
                    if name == "event":
                        yield value.strip()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ApiAway from error

    async def for_stranger(self, address: Address, path: str, data: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Send a POST for a person who is not logged in; the API counts it as theirs."""
        account = "/".join((address.platform, address.agent, address.account_id))
        headers = {"X-Service-Key": self._service_key, "X-Chat-Account": quote(account)}
        return await self.request("POST", path, data=data, headers=headers)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            seconds = TIMEOUT_SECONDS  # of silence; waiting for a free connection is not counted
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                proxy=proxy_for(self._base_url),
                timeout=aiohttp.ClientTimeout(sock_connect=seconds, sock_read=seconds),
            )
        return self._http


def where(address: Address) -> dict[str, str]:
    """Return an address as the service routes want it."""
    return {
        "platform": address.platform,
        "agent": address.agent,
        "account_id": address.account_id,
    }


def _word(value: object) -> str:
    """Write a value as a query has it."""
    return value if isinstance(value, str) else json.dumps(value, default=_plain).strip('"')


def _plain(value: object) -> str | int:
    """Write what JSON has no form for: times in ISO 8601, their lengths in seconds, decimals."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, timedelta):
        return round(value.total_seconds())
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} can't be sent to the API")


def _answer(status: int, body: bytes) -> Any:  # noqa: ANN401 - JSON
    """Return what the API sent, or raise what it said."""
    try:
        answer = json.loads(body) if body else None
    except ValueError as error:
        logger.warning("The API answered %s without JSON", status)
        raise ApiAway from error
    if 200 <= status < 300:
        return answer
    answer = answer if isinstance(answer, dict) else {}
    if status in (502, 503, 504):
        raise ApiAway
    message = str(answer.get("error") or f"The service refused this ({status}).")
    raise ApiError(status, message, str(answer.get("exception") or ""))
