"""The bot's only door to data: the API, over HTTP."""

import asyncio
import json
import logging
from datetime import date
from typing import Any
from urllib.parse import quote

import httpx2

from bot.messages import Address
from config.logs import request_id

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 15  # a log-in hashes a password, which takes up to a second on a busy machine
CONNECTIONS = 32  # the API works on fewer at once; more only wait, and cost time to look through
NO_REQUEST = "-"  # what config.logs puts where no message is being answered
AWAY = "I can't reach the service right now. Please try again in a moment."


class ApiError(Exception):
    """The API said no; `message` is its sentence for the user, `status` the HTTP status.

    `fields` names what was wrong with each field that was sent, where the API says so.
    """

    def __init__(self, status: int, message: str, fields: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.fields = fields or {}


class ApiAway(ApiError):
    """The API can't be reached, or did not answer in time."""

    def __init__(self) -> None:
        super().__init__(503, AWAY)


class ApiClient:
    """Requests to the API, as a user (with a token) or as the bot itself (with the service key)."""

    def __init__(self, base_url: str, service_key: str) -> None:
        self._service_key = service_key
        self._free = asyncio.Semaphore(CONNECTIONS)
        limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        self._http = httpx2.AsyncClient(base_url=base_url, timeout=TIMEOUT_SECONDS, limits=limits)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

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
        headers = dict(headers or {})
        if (message := request_id.get()) != NO_REQUEST:
            headers["X-Request-ID"] = message  # the API's log lines name it as well
        if token:
            headers["Authorization"] = f"Bearer {token}"
        params = body = None
        if method == "GET":
            params = {name: value for name, value in (data or {}).items() if value is not None}
        elif data is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(data, default=_plain)
        try:
            async with self._free:
                response = await self._http.request(
                    method, path, params=params, content=body, headers=headers
                )
        except httpx2.TransportError as error:
            logger.warning("The API can't be reached: %s", type(error).__name__)
            raise ApiAway from error
        return _answer(response)

    async def service(self, path: str, data: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Send a POST as the bot itself, to one of the routes below /api/service."""
        return await self.request(
            "POST",
            f"/api/service/{path}",
            data=data,
            headers={"X-Service-Key": self._service_key},
        )

    async def for_stranger(self, address: Address, path: str, data: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Send a POST for a person who is not logged in; the API counts it as theirs."""
        account = "/".join((address.platform, address.agent, address.account_id))
        headers = {"X-Service-Key": self._service_key, "X-Chat-Account": quote(account)}
        return await self.request("POST", path, data=data, headers=headers)


def where(address: Address) -> dict[str, str]:
    """Return an address as the service routes want it."""
    return {
        "platform": address.platform,
        "agent": address.agent,
        "account_id": address.account_id,
    }


def _plain(value: object) -> str:
    """Write what JSON has no form for: points in time, in ISO 8601."""
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} can't be sent to the API")


def _answer(response: httpx2.Response) -> Any:  # noqa: ANN401 - JSON
    """Return what the API sent, or raise what it said."""
    try:
        answer = response.json() if response.content else None
    except ValueError as error:
        logger.warning("The API answered %s without JSON", response.status_code)
        raise ApiAway from error
    if response.is_success:
        return answer
    answer = answer if isinstance(answer, dict) else {}
    if response.status_code in (502, 503, 504):
        raise ApiAway
    message = str(answer.get("error") or f"The service refused this ({response.status_code}).")
    fields = answer.get("fields")
    raise ApiError(response.status_code, message, fields if isinstance(fields, dict) else None)
