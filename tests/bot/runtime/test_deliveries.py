"""What is due in a chat: claimed from a real API, handed to a transport, settled."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

import pytest

from api.http.server import serve
from api.main import create_app
from bot.api.client import ApiAway, ApiClient
from bot.api.sessions import Sessions, unreached
from bot.runtime.deliveries import DeliveryLoop, Send, Undeliverable
from core.db.engine import Database
from core.postgres import delete, select
from tests.support.chat import AGENT, World
from tests.support.people import chat as linked
from tests.support.people import deliveries, user, waiting
from tests.support.waiting import Clock, until

PATIENCE = 10
HOME = ("discord", AGENT)


class Transport:
    """Takes texts, and fails as it is told."""

    def __init__(self, *errors: Exception | None) -> None:
        self.sent: list[tuple[str, str]] = []
        self.errors = list(errors)

    async def __call__(self, account_id: str, text: str, subject: str) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.sent.append((account_id, text))


@asynccontextmanager
async def delivering(
    api: ApiClient, send: Send, clock: Clock, platform: str = HOME[0]
) -> AsyncIterator[DeliveryLoop]:
    loop = DeliveryLoop(api, platform, lambda: {AGENT: send}, wake_interval=0.1, clock=clock)
    running = asyncio.create_task(loop.run())
    try:
        yield loop
    finally:
        await loop.finish()
        await running


def due(clock: Clock, account_id: str = "100", *texts: str) -> None:
    """Have messages to one person be due."""
    ada = user()
    home = linked(ada, account_id, HOME)
    for number, text in enumerate(texts or ["Reminder: tea"]):
        moment = clock() + timedelta(microseconds=number - 9)
        waiting(ada, "chat", chat_account_id=home, text=text, due_at=moment, next_attempt_at=moment)


def states() -> list[tuple[str, str | None]]:
    return [(row["state"], row["last_error"]) for row in deliveries()]


async def test_what_is_due_is_sent_once_as_text_that_nothing_in_it_can_break(
    world: World, clock: Clock
) -> None:
    due(clock, "100", "Reminder: *tea* @everyone")
    transport = Transport()
    async with delivering(world.api, transport, clock):
        await until(lambda: states() == [("sent", None)])
        await asyncio.sleep(0.3)
    assert transport.sent == [("100", r"Reminder: \*tea\* @everyone")]


async def test_each_agent_delivers_its_own_and_others_are_left_to_who_runs_them(
    world: World, clock: Clock
) -> None:
    ada = user()
    here, there = Transport(), Transport()
    for name in (AGENT, "other"):
        home = linked(ada, "100", (HOME[0], name))
        waiting(ada, "chat", chat_account_id=home, text=f"by {name}", due_at=clock())
    senders: dict[str, Send] = {}
    loop = DeliveryLoop(world.api, HOME[0], lambda: senders, wake_interval=0.1, clock=clock)
    running = asyncio.create_task(loop.run())
    await asyncio.sleep(0.2)
    senders[AGENT] = here
    await until(lambda: here.sent == [("100", f"by {AGENT}")])
    await asyncio.sleep(0.3)
    assert there.sent == []
    senders["other"] = there
    await until(lambda: there.sent == [("100", "by other")])
    await loop.finish()
    await running
    assert len(here.sent) == 1


async def test_what_can_not_be_delivered_is_tried_again_or_given_up(
    world: World, clock: Clock
) -> None:
    due(clock)
    transport = Transport(
        Undeliverable("busy", permanent=False, retry_after=40),
        Undeliverable("they have blocked the bot", permanent=True),
    )
    async with delivering(world.api, transport, clock):
        await until(lambda: states() == [("waiting", "busy")])
        clock.forward(seconds=39)
        await asyncio.sleep(0.3)
        assert states() == [("waiting", "busy")]
        clock.forward(seconds=1)
        await until(lambda: states() == [("held", "they have blocked the bot")])
    assert transport.sent == []


async def test_what_was_held_comes_as_soon_as_the_person_writes(world: World, clock: Clock) -> None:
    ada = await world.user("ada")
    (home,) = select("chat_accounts")
    waiting(home["user_uuid"], "chat", chat_account_id=home["id"], next_attempt_at=clock())
    transport = Transport(Undeliverable("they have blocked the bot", permanent=True))
    async with delivering(world.api, transport, clock, ada.address.platform):
        await until(lambda: states() == [("held", "they have blocked the bot")])
        assert "add buy milk" in await ada.say("help")
        await until(lambda: states() == [("sent", None)])
    assert [account_id for account_id, _ in transport.sent] == [ada.address.account_id]


async def test_a_refusal_that_the_api_hears_of_late_is_remembered_as_well(
    database: Database, world: World, clock: Clock
) -> None:
    ada = await world.user("ada")
    (home,) = select("chat_accounts")
    waiting(home["user_uuid"], "chat", chat_account_id=home["id"], next_attempt_at=clock())
    leave, began = threading.Event(), asyncio.Event()
    errors = [Undeliverable("they have blocked the bot", permanent=True)]

    async def send(account_id: str, text: str, subject: str) -> None:
        began.set()
        await asyncio.to_thread(leave.wait, PATIENCE)
        if errors:
            raise errors.pop()

    with api_on(0, database, clock) as port:
        key = world.settings.service_key.get_secret_value()
        api = ApiClient(f"http://127.0.0.1:{port}", key)
        platform = ada.address.platform
        loop = DeliveryLoop(api, platform, lambda: {AGENT: send}, wake_interval=0.1, clock=clock)
        running = asyncio.create_task(loop.run())
        await began.wait()
    leave.set()
    await until(lambda: loop._unsettled != [])
    await ada.say("help")  # which the API takes for nothing new, as it was told of no failure
    with api_on(port, database, clock):
        await until(lambda: states() == [("held", "they have blocked the bot")])
        await ada.say("help")
        await until(lambda: states() == [("sent", None)])
        await loop.finish()
        await running
    await api.close()


async def test_who_was_not_reached_is_asked_for_once_and_keeps_what_was_said(
    world: World, clock: Clock
) -> None:
    ada = await world.user("ada")
    asked: list[str] = []

    class Counting(ApiClient):
        async def service(self, path: str, data: dict[str, Any]) -> Any:  # noqa: ANN401
            asked.append(path)
            if len(asked) == 2:
                raise ApiAway
            return await world.api.service(path, data)

    sessions = Sessions(Counting("http://unused", "key"), clock)
    person = await sessions.get(ada.address)
    assert person is not None
    unreached.add(ada.address)
    with pytest.raises(ApiAway):
        await sessions.get(ada.address)
    for _ in range(3):
        assert await sessions.get(ada.address) is person
    assert asked == ["tokens"] * 3


async def test_one_person_who_is_slow_to_reach_delays_no_other(world: World, clock: Clock) -> None:
    release = asyncio.Event()
    sent: list[str] = []

    async def send(account_id: str, text: str, subject: str) -> None:
        if account_id == "slow":
            await release.wait()
        sent.append(text)

    due(clock, "slow", "1", "2")
    due(clock, "quick", "3")
    async with delivering(world.api, send, clock):
        await until(lambda: sent == ["3"])
        due(clock, "another", "4")
        await until(lambda: sent == ["3", "4"])
        release.set()
        await until(lambda: sent == ["3", "4", "1", "2"])
    assert {state for state, _ in states()} == {"sent"}


async def test_a_transport_that_breaks_is_logged_and_ends_nothing(
    world: World, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    transport = Transport(ZeroDivisionError("a mistake in the transport"))
    due(clock)
    async with delivering(world.api, transport, clock):
        await until(lambda: "a delivery failed" in caplog.text)
        assert "a mistake in the transport" not in caplog.text  # it may quote what a user wrote
        due(clock, "200", "hello")
        await until(lambda: transport.sent == [("200", "hello")])


async def test_what_is_under_way_is_dropped_where_the_loop_is_cancelled(
    world: World, clock: Clock
) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def send(account_id: str, text: str, subject: str) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    due(clock)
    loop = DeliveryLoop(world.api, HOME[0], lambda: {AGENT: send}, wake_interval=0.1, clock=clock)
    running = asyncio.create_task(loop.run())
    await began.wait()
    running.cancel()
    await asyncio.wait([running])
    async with asyncio.timeout(PATIENCE):
        await ended.wait()
        await loop.finish()
    assert states() == [("waiting", None)]


async def test_finishing_settles_what_is_being_sent(world: World, clock: Clock) -> None:
    began = asyncio.Event()

    async def send(account_id: str, text: str, subject: str) -> None:
        began.set()
        await asyncio.sleep(0.3)

    due(clock)
    async with delivering(world.api, send, clock):
        await began.wait()
    assert states() == [("sent", None)]


async def test_a_message_of_a_user_who_is_gone_is_let_go(
    world: World, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async def send(account_id: str, text: str, subject: str) -> None:
        delete("users", {"username": "soon gone"})

    ada = user("soon gone")
    where = linked(ada, address=HOME)
    waiting(ada, "chat", chat_account_id=where, due_at=clock(), next_attempt_at=clock())
    async with delivering(world.api, send, clock):
        await until(lambda: "no longer" in caplog.text)
    assert states() == []


async def test_a_reminder_that_is_late_to_fire_is_looked_for_at_growing_intervals(
    world: World, clock: Clock
) -> None:
    loop = DeliveryLoop(world.api, HOME[0], dict, wake_interval=1.0, clock=clock)
    assert [loop._pause(clock(), idle) for idle in range(5)] == [0, 0.2, 0.4, 0.8, 1.0]
    assert loop._pause(None, 0) == 1.0


@contextmanager
def api_on(port: int, database: Database, clock: Clock) -> Iterator[int]:
    """Serve the API on a port, 0 for any; yield the port."""
    server = serve(create_app(database=database, clock=clock), "127.0.0.1", port, 4)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.port
    finally:
        server.close()
        thread.join(PATIENCE)


async def test_while_the_api_is_away_nothing_is_lost_and_nothing_sent_twice(
    database: Database, world: World, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    transport = Transport()
    leave = threading.Event()
    began = asyncio.Event()

    async def send(account_id: str, text: str, subject: str) -> None:
        began.set()
        await asyncio.to_thread(leave.wait, PATIENCE)
        await transport(account_id, text, subject)

    due(clock, "100", "while it leaves")
    with api_on(0, database, clock) as port:
        key = world.settings.service_key.get_secret_value()
        api = ApiClient(f"http://127.0.0.1:{port}", key)
        loop = DeliveryLoop(api, HOME[0], lambda: {AGENT: send}, wake_interval=0.1, clock=clock)
        running = asyncio.create_task(loop.run())
        await began.wait()
    leave.set()
    await until(lambda: "deliveries wait" in caplog.text)
    await asyncio.sleep(0.5)
    assert caplog.text.count("deliveries wait") == 1
    due(clock, "200", "while it was away")
    with api_on(port, database, clock):
        await until(lambda: [state for state, _ in states()] == ["sent", "sent"])
        await loop.finish()
        await running
    await api.close()
    assert [text for _, text in transport.sent] == ["while it leaves", "while it was away"]


async def test_a_wrong_service_key_is_told_in_the_log(
    world: World, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    stranger = ApiClient(world.settings.api_url, "wrong" * 10)
    due(clock)
    async with delivering(stranger, Transport(), clock):
        await until(lambda: "deliveries wait, the API said" in caplog.text)
    await stranger.close()
    assert states() == [("waiting", None)]
