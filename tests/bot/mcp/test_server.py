"""The MCP server, before the SDK's own client in both generations of the protocol."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from mcp import Client, MCPError, types
from mcp.client.context import ClientRequestContext
from mcp.client.streamable_http import streamable_http_client

from api.main import create_app
from bot.mcp.server import MAX_BODY, serve
from config.settings import ROOT, get_settings
from core import auth, users
from core.db.engine import Database
from tests.support.api import running

PASSWORD = "correct horse battery staple"
MODES = pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])


class Person:
    """Somebody who is asked, and answers what they are told to."""

    def __init__(self, *answers: object, action: str = "accept") -> None:
        self.asked: list[str] = []
        self._answers = list(answers)
        self._action = action

    async def __call__(
        self, _context: ClientRequestContext, params: types.ElicitRequestParams
    ) -> types.ElicitResult:
        self.asked.append(params.message)
        if self._action != "accept":
            return types.ElicitResult(action=self._action)
        return types.ElicitResult(action="accept", content={"answer": self._answers.pop(0)})


@pytest.fixture
def url(database: Database) -> Iterator[str]:
    with running(create_app(database=database)) as api_url:
        settings = get_settings().model_copy(update={"api_url": api_url})
        with serve(settings) as port:
            yield f"http://127.0.0.1:{port}/mcp"


@asynccontextmanager
async def connected(
    url: str, name: str = "ada", mode: str = "auto", person: Person | None = None
) -> AsyncIterator[Client]:
    users.register_user(name, PASSWORD)
    headers = {"Authorization": f"Bearer {auth.get_login_token(name, PASSWORD)}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(
            streamable_http_client(url, http_client=http), mode=mode, elicitation_callback=person
        ) as client,
    ):
        yield client


async def called(client: Client, tool: str, **arguments: object) -> str:
    """Call a tool; return the text of its result."""
    result = await client.call_tool(tool, arguments)
    return "\n".join(one.text for one in result.content if isinstance(one, types.TextContent))


@MODES
async def test_an_assistant_lists_tools_adds_and_is_asked_to_confirm(url: str, mode: str) -> None:
    person = Person(True)
    async with connected(url, mode=mode, person=person) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        added = await called(client, "errand_add", name="buy milk")
        deleted = await called(client, "errand_delete", name="buy milk")
        undone = await called(client, "undo_undo")

    assert {"errand_add", "errand_delete", "undo_undo", "answer"} <= names
    assert added == "Added **buy milk**."
    assert person.asked == ["Delete **buy milk**? (yes or no)"]
    assert deleted == "Deleted **buy milk**."
    assert "back" in undone


@MODES
@pytest.mark.parametrize(
    "answers", [{"answer": False}, {"action": "decline"}, {"action": "cancel"}]
)
async def test_without_a_yes_nothing_is_deleted(
    url: str, mode: str, answers: dict[str, Any]
) -> None:
    person = Person(answers.get("answer"), action=answers.get("action", "accept"))
    async with connected(url, mode=mode, person=person) as client:
        await called(client, "errand_add", name="buy milk")
        await called(client, "errand_delete", name="buy milk")
        shown = await called(client, "errand_show")

    assert len(person.asked) == 1
    assert "buy milk" in shown


@MODES
async def test_a_missing_value_is_asked_for(url: str, mode: str) -> None:
    person = Person("tomorrow at 5pm")
    async with connected(url, mode=mode, person=person) as client:
        await called(client, "errand_add", name="call mum")
        moved = await called(client, "errand_schedule", name="call mum")

    assert "When" in person.asked[0]
    assert "tomorrow at 17:00" in moved


async def test_a_client_that_can_ask_nobody_is_given_a_code(url: str) -> None:
    async with connected(url) as client:
        await called(client, "errand_add", name="buy milk")
        asked = await called(client, "errand_delete", name="buy milk")
        code = asked.split()[-1].strip(".")
        async with connected(url, "bob") as other:
            stolen = await called(other, "answer", code=code, text="yes")
        done = await called(client, "answer", code=code, text="yes")
        again = await called(client, "answer", code=code, text="yes")

    assert "Delete **buy milk**?" in asked
    assert stolen == again == "That question has expired; please ask again."
    assert done == "Deleted **buy milk**."


async def test_calls_at_the_same_time_do_not_end_each_others_questions(url: str) -> None:
    person = Person(True, True, True)
    names = ("milk", "eggs", "flour")
    async with connected(url, person=person) as client:
        for name in names:
            await called(client, "errand_add", name=name)
        done = await asyncio.gather(*(called(client, "errand_delete", name=name) for name in names))

    assert sorted(done) == ["Deleted **eggs**.", "Deleted **flour**.", "Deleted **milk**."]


async def test_everybody_sees_what_is_theirs(url: str) -> None:
    async with connected(url, "ada") as ada, connected(url, "bob") as bob:
        await called(ada, "errand_add", name="a secret of ada")
        shown = await called(bob, "errand_show")

    assert "ada" not in shown


async def test_no_tool_asks_for_a_secret_or_is_for_administrators(url: str) -> None:
    async with connected(url) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}

    assert "account_change_password" not in names
    assert "account_delete" not in names


@pytest.mark.parametrize("arguments", [{"name": {"a": 1}}, {"name": ["a", "b"]}])
async def test_wrong_arguments_are_told(url: str, arguments: dict[str, object]) -> None:
    async with connected(url) as client:
        result = await client.call_tool("errand_add", arguments)
        unknown = await client.call_tool("errand_fly", {})

    assert result.is_error
    assert unknown.is_error


def post(url: str, token: bytes, body: bytes = b"{}") -> httpx2.Response:
    return httpx2.post(
        url,
        content=body,
        headers={
            b"Authorization": token,
            b"Content-Type": b"application/json",
            b"Accept": b"application/json, text/event-stream",
        },
    )


@pytest.mark.parametrize("token", [b"", b"Bearer", b"Bearer x", b"Basic YTpi", b"Bearer \xff"])
def test_without_a_good_token_nothing_is_served(url: str, token: bytes) -> None:
    answer = post(url, token)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["error"]


async def test_a_token_that_was_revoked_ends_at_once(url: str) -> None:
    async with connected(url) as client:
        await called(client, "errand_add", name="buy milk")
        user = users.find_user_by_name("ada")
        assert user is not None
        auth.end_sessions(user["id"])
        with pytest.raises(MCPError):
            await called(client, "errand_show")


def test_a_body_that_is_too_large_is_refused(url: str) -> None:
    users.register_user("ada", PASSWORD)
    token = f"Bearer {auth.get_login_token('ada', PASSWORD)}".encode()

    assert post(url, token, b" " * (MAX_BODY + 1)).status_code == 413


def test_without_the_api_the_client_is_told_to_wait() -> None:
    settings = get_settings().model_copy(update={"api_url": "http://127.0.0.1:9"})
    with serve(settings) as port:
        assert post(f"http://127.0.0.1:{port}/mcp", b"Bearer x").status_code == 503


def test_a_taken_port_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = get_settings().model_copy(update={"mcp_port": taken.getsockname()[1]})
        with serve(settings) as port:
            assert port is None

    assert "set MCP_PORT to another one" in caplog.text


def test_a_token_for_days_is_for_programs(database: Database) -> None:
    users.register_user("ada", PASSWORD)
    client = create_app(database=database).test_client()
    body = {"username": "ada", "password": PASSWORD}

    token = client.post("/api/login", json={**body, "days": 90}).json["token"]
    refused = client.post("/api/login", json={**body, "days": 366})

    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 90 * 24 * 3600
    assert refused.status_code == 400


async def test_the_documented_program_works(url: str, tmp_path: Path) -> None:
    users.register_user("ada", PASSWORD)
    text = (ROOT / "docs" / "mcp.md").read_text("utf-8")
    program = tmp_path / "client.py"
    program.write_text(text.partition("```python\n")[2].partition("```")[0])
    token = str(auth.get_login_token("ada", PASSWORD))

    process = await asyncio.create_subprocess_exec(
        sys.executable, program, url, token, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()

    assert b"'errand_add'" in printed
    assert b"ada" in printed
