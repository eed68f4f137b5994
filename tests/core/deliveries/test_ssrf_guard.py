"""No address that a user gives leads to this machine or its network, in whatever form."""

import asyncio
import socket
import sys
import threading
from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from config.settings import get_settings
from core.deliveries.channels import apprise, deliver
from core.deliveries.ssrf_guard import PrivateAddressError, is_outside, outside_only
from core.errors import InvalidInput
from core.http_posts import HttpPosts
from core.notifications import Outcome
from tests.support.http_sink import Answer, HttpSink

REFUSED = Outcome("failed", "the address leads into a private network", off=True)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1"),  # noqa: S104
        *("169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1"),
        *("::1", "::", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1", "2001::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "2002:7f00:1::"),
        *("2002:c0a8:101::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1"),
        *("localhost", "2130706433", "0x7f000001", "017700000001", "/run/socket", ""),
    ],
)
def test_an_address_of_the_inside_is_known_in_every_form(address: str) -> None:
    assert not is_outside(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "2002:808:808::", "64:ff9b::808:808"],
)
def test_an_address_of_the_public_internet_is_outside(address: str) -> None:
    assert is_outside(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1"])
def test_a_socket_never_connects_inside_however_the_host_is_written(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with outside_only() as guard, pytest.raises(PrivateAddressError):
            socket.create_connection((host, port), timeout=1)
        assert guard.refused
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()  # nobody came
        socket.create_connection(("127.0.0.1", port), timeout=1).close()  # outside of the block


def test_datagrams_do_not_get_around_it() -> None:
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with datagrams, outside_only(), pytest.raises(PrivateAddressError):
        datagrams.sendto(b"x", ("127.0.0.1", 9))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python audits threads from 3.12 on")
def test_threads_do_not_get_around_it() -> None:
    with outside_only(), pytest.raises(PrivateAddressError):
        threading.Thread(target=print).start()


def test_networks_of_the_settings_may_be_reached() -> None:
    allowed = [ip_network("10.0.0.0/8"), ip_network("127.0.0.0/8")]
    with socket.create_server(("127.0.0.1", 0)) as server, outside_only(allowed):
        socket.create_connection(server.getsockname(), timeout=1).close()


# By Apprise's own HTTP


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpSink]:
    """A server on loopback, and settings that let users name a host of their own."""
    monkeypatch.setenv("PUSH_SCHEMES", "json,mailto,tgram")
    get_settings.cache_clear()
    with HttpSink() as server:
        yield server
    get_settings.cache_clear()


def sent(url: str) -> Outcome:
    async def send() -> Outcome:
        async with HttpPosts() as http:
            return await deliver("json", url, "buy milk", http)

    return asyncio.run(send())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001"])
def test_a_users_address_never_reaches_a_server_inside(sink: HttpSink, host: str) -> None:
    port = sink.url.rpartition(":")[2]
    assert sent(f"json://{host}:{port}/hook") == REFUSED
    assert sink.received == []


def test_mail_never_reaches_a_server_inside(sink: HttpSink) -> None:
    port = sink.url.rpartition(":")[2]
    assert sent(f"mailto://u:p@example.com:{port}?smtp=127.0.0.1&to=a@example.com") == REFUSED
    assert sink.received == []


def test_where_the_settings_allow_it_a_message_arrives_and_no_redirect_is_followed(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUSH_NETWORKS", "127.0.0.1/32")
    get_settings.cache_clear()
    url = sink.url.replace("http://", "json://")
    assert sent(f"{url}/hook") == Outcome("sent", parts_sent=1)
    (received,) = sink.received
    assert b"buy milk" in received.body
    sink.answer("/moved", Answer(302, headers={"Location": f"{sink.url}/inside"}))
    assert sent(f"{url}/moved") == Outcome("retry", "the service did not take it")
    assert [request.path for request in sink.received][1:] == ["/moved"]


def test_a_scheme_that_is_no_longer_allowed_is_not_called(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUSH_SCHEMES", "tgram")
    get_settings.cache_clear()
    assert sent(sink.url.replace("http://", "json://")).off
    assert sink.received == []
    with pytest.raises(InvalidInput, match="may begin with tgram"):
        apprise.check("json://example.com")


def test_no_secret_of_an_address_is_logged(
    sink: HttpSink, caplog: pytest.LogCaptureFixture
) -> None:
    from runtime.logs import QUIET

    for name in ("apprise", "urllib3", "requests"):
        caplog.set_level(QUIET[name], logger=name)
    sent(f"{sink.url.replace('http://', 'json://')}/hidden-token")
    assert "hidden-token" not in caplog.text
