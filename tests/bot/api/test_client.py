"""The bot's door to the API."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from bot.api import client
from bot.api.client import NO_REQUEST, ApiAway, ApiClient, ApiError
from bot.api.sessions import Sessions, UserApi
from bot.messages import Address
from runtime.logs import request_id
from tests.support.chat import World
from tests.support.http_sink import Answer, HttpSink, as_json


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    with HttpSink() as sink:
        yield sink


@pytest.fixture
async def api(sink: HttpSink) -> AsyncIterator[ApiClient]:
    api = ApiClient(sink.url, "the service key")
    yield api
    await api.close()


async def test_a_request_as_a_user(api: ApiClient, sink: HttpSink) -> None:
    due = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
    sink.answer("/", as_json(201, {"id": 1}))
    assert await api.request("POST", "/api/errands", token="abc", data={"due_at": due}) == {"id": 1}
    (received,) = sink.received
    assert received.headers["Authorization"] == "Bearer abc"
    assert received.headers["Content-Type"] == "application/json"
    assert "X-Service-Key" not in received.headers
    assert received.body == b'{"due_at": "2030-01-01T12:00:00+00:00"}'


async def test_a_request_as_the_bot(api: ApiClient, sink: HttpSink) -> None:
    sink.answer("/", as_json(200, {}))
    await api.service("unlink", {"agent": "a"})
    (received,) = sink.received
    assert received.path == "/api/service/unlink"
    assert received.headers["X-Service-Key"] == "the service key"
    assert "Authorization" not in received.headers


async def test_a_request_for_someone_who_is_not_logged_in(api: ApiClient, sink: HttpSink) -> None:
    sink.answer("/", as_json(200, {}))
    await api.for_stranger(Address("discord", "Zoë's bot", "17"), "/api/login", {"username": "ada"})
    (received,) = sink.received
    assert received.path == "/api/login"
    assert received.headers["X-Service-Key"] == "the service key"
    assert received.headers["X-Chat-Account"] == "discord/Zo%C3%AB%27s%20bot/17"


async def test_the_data_of_a_get_is_its_query(api: ApiClient, sink: HttpSink) -> None:
    sink.answer("/", as_json(200, {}))
    await api.request("GET", "/api/errands", data={"list": "a&b", "done": None})
    assert sink.received[0].path == "/api/errands?list=a%26b"
    assert sink.received[0].body == b""


async def test_the_message_is_named_in_the_apis_log(api: ApiClient, sink: HttpSink) -> None:
    sink.answer("/", as_json(200, {}), as_json(200, {}))
    request_id.set(NO_REQUEST)
    await api.request("GET", "/")
    request_id.set("message-1")
    await api.request("GET", "/")
    assert [request.headers.get("X-Request-ID") for request in sink.received] == [None, "message-1"]


async def test_an_answer_without_content(api: ApiClient, sink: HttpSink) -> None:
    sink.answer("/", Answer(204))
    assert await api.request("POST", "/api/errands") is None


async def test_a_refusal_says_why(api: ApiClient, sink: HttpSink) -> None:
    sink.answer("/", as_json(400, {"error": "No.", "fields": {"name": "too long"}}))
    with pytest.raises(ApiError, match=r"^No\.$") as refused:
        await api.request("POST", "/api/errands", data={})
    assert refused.value.status == 400


@pytest.mark.parametrize("body", ["[]", "{}", '{"fields": "x"}'])
async def test_a_refusal_without_a_reason(api: ApiClient, sink: HttpSink, body: str) -> None:
    sink.answer("/", Answer(418, body.encode()))
    with pytest.raises(ApiError, match="418"):
        await api.request("POST", "/api/errands")


@pytest.mark.parametrize(
    "answer",
    [
        as_json(503, {"error": "The database is away."}),
        Answer(502, b"<html>Bad gateway</html>"),
        Answer(200, b"<html>Welcome to your new router</html>"),
    ],
)
async def test_what_stands_in_front_of_the_api(
    api: ApiClient, sink: HttpSink, answer: Answer
) -> None:
    sink.answer("/", answer)
    with pytest.raises(ApiAway):
        await api.request("GET", "/api/errands")


async def test_nobody_is_there() -> None:
    with HttpSink() as sink:
        url = sink.url
    api = ApiClient(url, "key")
    with pytest.raises(ApiAway) as away:
        await api.request("GET", "/health")
    assert away.value.status == 503
    await api.close()


async def test_what_json_has_no_form_for_is_refused(api: ApiClient) -> None:
    with pytest.raises(TypeError, match="set can't be sent"):
        await api.request("POST", "/api/errands", data={"names": {1, 2}})


async def test_the_least_recent_people_are_dropped_and_fetched_again(world: World) -> None:
    people = [await world.user(name) for name in ("ada", "ben")]
    sessions = Sessions(world.api, world.clock, kept=1)
    for person, name in zip(people, ("ada", "ben"), strict=True):
        found = await sessions.get(person.address)
        assert found is not None
        assert found.session.username == name
        found.memory("dm").history.append(("hello", {}))
    again = await sessions.get(people[0].address)
    assert again is not None
    assert not again.memory("dm").history


async def test_a_message_that_is_received_twice_makes_one_row(world: World) -> None:
    ada = await world.user("ada")
    person = await Sessions(world.api, world.clock).renew(ada.address)
    rows = []
    for message in ("message 1", "message 1", "message 2"):
        request_id.set(message.replace(" ", "-"))
        api = UserApi(world.api, Sessions(world.api, world.clock), ada.address, person)
        rows += [await api.post("/api/errands", {"name": "a"}) for _ in range(2)]
    assert rows[:2] == rows[2:4]
    assert len({row["id"] for row in rows}) == 4


async def test_an_answer_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TOTAL_SECONDS", 0.5)
    over, closed = asyncio.Event(), asyncio.Event()

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not over.is_set():  # never silent for long
            writer.write(b" ")
            await asyncio.sleep(0.05)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        closed.set()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    api = ApiClient(f"http://127.0.0.1:{port}", "the service key")
    try:
        with pytest.raises(ApiAway):
            await api.request("GET", "/api/errands")
    finally:
        over.set()
        await api.close()
        await closed.wait()
        server.close()
        await server.wait_closed()
