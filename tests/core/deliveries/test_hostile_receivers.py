"""Attacks on sending: slow receivers, long backlogs, and addresses that lead elsewhere."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from apprise import Apprise
from sqlalchemy import URL

from config.settings import get_settings
from core.db.engine import Database
from core.db.notify import wake
from core.deliveries import queue
from core.deliveries.channels import apprise, deliver
from core.deliveries.routing import SCHEDULER
from core.errors import InvalidInput
from core.http_posts import HttpPosts
from core.notifications import Outcome, Progress, split
from core.postgres import count, insert_many
from runtime.clock import utc_now
from tests.support.databases import on_postgresql
from tests.support.http_sink import Answer, HttpSink
from tests.support.people import NOW, channels, deliveries, user, waiting
from tests.support.process import service

DRIP_SECONDS = 3.0  # between two bytes: well below any time-out of a single read
TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/4711"


class Mailbox:
    """Keeps what arrives."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.transports: list[asyncio.Transport] = []
        self.port = 0

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content
        self.texts.append(content.decode() if isinstance(content, bytes) else str(content))
        return "250 OK"


class _Server(SMTP):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.event_handler.transports.append(transport)
        super().connection_made(transport)


class _Dripping(_Server):
    async def push(self, status: str | bytes) -> None:
        answer = status if isinstance(status, bytes) else status.encode()
        for byte in answer + b"\r\n":
            self._writer.write(bytes([byte]))
            await asyncio.sleep(DRIP_SECONDS)


def _anybody(*_: object) -> AuthResult:
    return AuthResult(success=True)


@contextmanager
def mail_server(*, drips: bool = False) -> Iterator[Mailbox]:
    """Run a real SMTP server on loopback that takes every mail; its answers may drip."""
    mailbox, made = Mailbox(), _Dripping if drips else _Server
    options = {"authenticator": _anybody, "auth_require_tls": False}
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        server = await loop.create_server(
            lambda: made(mailbox, loop=loop, **options), "127.0.0.1", 0
        )
        mailbox.port = server.sockets[0].getsockname()[1]
        ready.set_result((loop, stop))
        await stop.wait()
        server.close()
        for transport in mailbox.transports:
            transport.abort()
        await asyncio.sleep(0.05)  # in which their ends are noticed

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    loop, stop = ready.result(5)
    try:
        yield mailbox
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PUSH_SCHEMES", "mailto,mailtos,pover,slack,tgram")
    monkeypatch.setenv("PUSH_NETWORKS", "127.0.0.1/32")
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def mail_address(port: int) -> str:
    return f"mailto://u:p@example.com:{port}?smtp=127.0.0.1&to=a@example.com&from=b@example.com"


@pytest.mark.usefixtures("mail")
@pytest.mark.parametrize(
    "url",
    [
        "mailtos://u:p@example.com/a#?pgp=sign&pgpprv=/etc/hostname",
        "mailtos://u:p@example.com?pgp=sign&pgpprv=/etc/hostname",
        "mailtos://u:p@example.com?%70gp=sign&PGPPRV=/etc/hostname",
        "mailtos://u:p@example.com?to=a@example.com?pgpprv=/etc/hostname&pgp=sign",
        "mailtos://u:p@example.com?pgppub=http://127.0.0.1/key",
        "mailtos://u:p@example.com?wkd=yes",
        "mailtos://u:p@example.com?+X-Header=1",
        "mailtos://u:p@example.com?to=a@example.com%0aBcc:b@example.com",
        "mailtos://u:p@example.com?name=a%0d%0aX: b",
        "mailtos://u:p@example.com?verify=no",
        "mailtos://u:p@example.com?retry=99",
        f"{TELEGRAM}?template=/etc/passwd",
        f"{TELEGRAM}#?template=/etc/passwd",
        f"slack://T1JJ3T3L2/A1BRTD4JD/{'s' * 24}/#general?template=/etc/passwd",
        f"pover://{'u' * 30}@{'a' * 30}?key=/etc/passwd&e2ee=yes",
        f"pover://{'u' * 30}@{'a' * 30}?url=http://127.0.0.1",
        f"{TELEGRAM}\ntgram://other",
        f" {TELEGRAM}",
        "file:///etc/passwd",
        f"tgram,mailto://{'x' * 20}",
    ],
)
def test_an_address_keeps_to_its_allowed_parts(url: str) -> None:
    with pytest.raises(InvalidInput):
        apprise.check(url)


@pytest.mark.usefixtures("mail")
@pytest.mark.parametrize(
    "url",
    [
        TELEGRAM,
        f"{TELEGRAM}?silent=yes&thread=5",
        f"slack://T1JJ3T3L2/A1BRTD4JD/{'s' * 24}/#general",
        "mailtos://ada:p%40ss%3Fw@example.com?to=a@example.com&name=Ada%20L",
    ],
)
def test_an_address_of_allowed_parts_stays_as_it_is_meant(url: str) -> None:
    scheme, rebuilt = apprise.check(url)
    assert apprise.check(rebuilt) == (scheme, rebuilt)
    assert Apprise.instantiate(rebuilt).url() == Apprise.instantiate(url).url()


@pytest.mark.usefixtures("mail")
def test_mail_arrives_at_a_real_server_in_one_piece() -> None:
    with mail_server() as server:
        outcome = asyncio.run(apprise.deliver(mail_address(server.port), "buy milk", Progress()))
    assert outcome == Outcome("sent")
    assert "buy milk" in server.texts[0]


@pytest.mark.usefixtures("mail")
def test_a_receiver_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.deliveries.channels.SEND_SECONDS", 1.0)

    async def send(url: str) -> Outcome:
        async with HttpPosts() as http:
            return await deliver("mailto", url, "hello", http)

    with mail_server(drips=True) as server:
        began = time.monotonic()
        outcome = asyncio.run(send(mail_address(server.port)))
        assert time.monotonic() - began < 15
    assert outcome == Outcome("retry", "the receiver took too long")


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize(
    "rest",
    [b"Content-Length: 9\r\n\r\n", b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"],
)
def test_what_was_taken_is_sent_however_the_answer_goes_on(
    rest: bytes, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.notifications.TIMEOUT_SECONDS", 0.5)

    async def send() -> Outcome:
        answered = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1000)
            writer.write(b"HTTP/1.1 200 OK\r\n" + rest)
            await writer.drain()
            if not ends:
                await reader.read()
            writer.close()
            await writer.wait_closed()
            answered.set()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            monkeypatch.setenv("NTFY_BASE_URL", f"http://127.0.0.1:{port}")
            get_settings.cache_clear()
            async with HttpPosts() as http:
                outcome = await deliver("ntfy", "topic", "hello", http)
            await answered.wait()
            return outcome

    assert asyncio.run(send()).state == "sent"
    get_settings.cache_clear()


@pytest.mark.every_database
@pytest.mark.usefixtures("database")
def test_one_receiver_gets_a_few_at_a_time_and_others_come_first() -> None:
    eve, ada = user(), user()
    for number in range(260):
        waiting(eve, text=f"e{number}")
    waiting(ada, due_at=NOW, next_attempt_at=NOW)
    claimed = queue.claim([SCHEDULER], NOW, limit=100)
    assert len(claimed) == queue.MAX_PER_RECEIVER + 1
    assert [row["user_uuid"] for row in claimed].count(ada) == 1  # all are due at one moment
    again = queue.claim([SCHEDULER], NOW, limit=100, under_way={(eve, "ntfy"): 8})
    assert again == []
    assert (
        queue.next_delivery([SCHEDULER], NOW, {(eve, "ntfy"): 8})
        == queue.next_delivery(["nobody"], NOW)
        or queue.next_delivery([SCHEDULER], NOW, {(eve, "ntfy"): 8}) > NOW
    )  # type: ignore[operator]
    queue.release(claimed, NOW)
    assert len(queue.claim([SCHEDULER], NOW, limit=5)) == 5


@on_postgresql
@pytest.mark.slow
def test_a_dripping_mail_server_delays_neither_others_nor_the_end(
    database: Database, database_url: URL, tmp_path: Path
) -> None:
    eve, ada = user(), user()
    channels(ada, topic="ada")
    with mail_server(drips=True) as server, HttpSink() as sink:
        address = mail_address(server.port)
        insert_many("push_addresses", [{"user_uuid": eve, "scheme": "mailto", "url": address}])
        fall_due(eve, "mailto", 260)
        settings = {
            "DATABASE_URL": database_url.render_as_string(hide_password=False),
            "NTFY_BASE_URL": sink.url,
            "PUSH_SCHEMES": "mailto",
            "PUSH_NETWORKS": "127.0.0.1/32",
        }
        with service("scheduler.daemon", tmp_path / "log", **settings) as daemon:
            daemon.wait_for_line("the scheduler runs")
            time.sleep(1)
            fall_due(ada, "ntfy", 1)
            sink.wait_for(1, 10)
            assert count("deliveries", {"lease_id": ("IS NOT", None)}) <= 2 * queue.MAX_PER_RECEIVER
            began = time.monotonic()
            daemon.terminate()
            assert daemon.exit_code(25) == 0
            assert time.monotonic() - began < 16
    assert count("deliveries", {"lease_id": ("IS NOT", None)}) == 0
    assert len(deliveries(user_uuid=eve, state="waiting")) == 260


def fall_due(owner: object, channel: str, number: int) -> None:
    now = utc_now()
    row = {"user_uuid": owner, "channel": channel, "due_at": now, "next_attempt_at": now}
    insert_many("deliveries", [row | {"text": f"m{i}"} for i in range(number)])
    wake("deliveries")


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpSink]:
    with HttpSink() as server:
        monkeypatch.setenv("NTFY_BASE_URL", server.url)
        get_settings.cache_clear()
        yield server
    get_settings.cache_clear()


def test_a_long_text_goes_in_parts_and_what_arrived_is_not_sent_again(sink: HttpSink) -> None:
    async def send(parts_sent: int) -> Outcome:
        async with HttpPosts() as http:
            return await deliver("ntfy", "ada", text, http, parts_sent)

    text = " ".join(f"wörd{number}" for number in range(1000))
    sink.answer("/ada", Answer(200), Answer(500))
    first = asyncio.run(send(0))
    assert (first.state, first.parts_sent) == ("retry", 1)
    second = asyncio.run(send(first.parts_sent))
    assert second.state == "sent"
    arrived = [sink.texts[0], *sink.texts[2:]]
    assert " ".join(arrived) == text
    assert all(len(part.encode()) <= 4096 for part in arrived)


@pytest.mark.parametrize(
    "text", ["", " ", "x" * 5000, "ä" * 5000, "a b " * 2000, "\n" * 5000, "😀" * 3000]
)
@pytest.mark.parametrize("in_bytes", [False, True])
def test_parts_fit_and_leave_nothing_out(text: str, in_bytes: bool) -> None:
    parts = split(text, 2000, in_bytes=in_bytes)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(0 < len(part.encode() if in_bytes else part) <= 2000 for part in parts)


@pytest.mark.usefixtures("database")
def test_how_many_parts_arrived_is_remembered() -> None:
    waiting(user())
    (row,) = queue.claim([SCHEDULER], NOW)
    said = queue.Settlement(row["id"], row["lease_id"], "retry", "so", None, False, 3)
    queue.settle_all([said], NOW)
    (row,) = deliveries()
    assert row["parts_sent"] == 3
