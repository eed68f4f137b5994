"""The proxy of the Compose file: real Caddy with that file, before two real API processes.

In a copy of it the ports, the DNS server and the longest time for a body are changed.
"""

import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx2
import psutil
import pytest
from dnslib import QTYPE, RR, A, DNSRecord
from dnslib.server import BaseResolver, DNSLogger, DNSServer
from sqlalchemy import URL

from config.settings import ROOT
from tests.support.api import is_ready
from tests.support.process import Service, service
from tests.support.servers import free_port
from tests.support.waiting import wait_until

CADDY = Path(sys.executable).with_name("caddy")
CADDYFILE = ROOT / "deploy" / "caddy" / "Caddyfile"
HOSTS = ("127.0.0.2", "127.0.0.3")
"""Replicas have addresses of their own and one port, as in Docker. Linux has all of 127/8."""
BODY_SECONDS = 3
KEY = "m" * 40

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not CADDY.exists() or sys.platform != "linux", reason="needs Caddy and Linux's loopback"
    ),
]


class Stage:
    """The proxy's address, and the replicas behind it."""

    def __init__(self, url: str, replicas: dict[str, Service], port: int) -> None:
        self.url = url
        self.replicas = replicas
        self.port = port
        self.client = httpx2.Client(base_url=url, timeout=20)

    def answered(self, host: str) -> int:
        """Return how many requests for a user's channels a replica has answered."""
        headers = {"Authorization": f"Bearer {KEY}"}
        metrics = httpx2.get(f"http://{host}:{self.port}/metrics", headers=headers).text
        lines = [line for line in metrics.splitlines() if line.startswith("api_requests_total{")]
        return sum(int(float(line.split()[-1])) for line in lines if "/api/notifications" in line)

    def connections(self) -> int:
        """Return how many connections the replicas have."""
        found = [
            connection
            for replica in self.replicas.values()
            for connection in psutil.Process(replica.pid).net_connections("tcp")
        ]
        return sum(connection.status == psutil.CONN_ESTABLISHED for connection in found)


def same_free_port() -> int:
    """Return a port that is free on each of HOSTS."""
    while True:
        port = free_port()
        try:
            for host in HOSTS:
                with socket.create_server((host, port)):
                    pass
        except OSError:
            continue
        return port


class Docker(BaseResolver):
    """Answers the name of a service with its replicas' addresses, as Docker's DNS server does."""

    def resolve(self, request: DNSRecord, _: object) -> DNSRecord:
        reply = request.reply()
        if request.q.qtype == QTYPE.A:
            reply.add_answer(*[RR(request.q.qname, QTYPE.A, rdata=A(host)) for host in HOSTS])
        return reply


@contextmanager
def dns_server() -> Iterator[str]:
    """Run Docker's DNS server; yield its address."""
    dns = DNSServer(Docker(), "127.0.0.1", 0, logger=DNSLogger("-request,-reply"))
    dns.start_thread()
    try:
        yield f"127.0.0.1:{dns.server.server_address[1]}"
    finally:
        dns.stop()
        dns.server.server_close()


@pytest.fixture
def proxies() -> int:
    """TRUSTED_PROXIES; Compose sets 1."""
    return 1


@pytest.fixture
def stage(sqlite_template: URL, tmp_path: Path, proxies: int) -> Iterator[Stage]:
    port, site = same_free_port(), free_port()
    with ExitStack() as stack:
        replicas = {
            host: stack.enter_context(
                service(
                    "api.main",
                    tmp_path / f"{host}.log",
                    DATABASE_URL=sqlite_template.render_as_string(),
                    DATA_DIR=str(tmp_path),
                    JWT_SECRET="j" * 40,
                    SERVICE_KEY="s" * 40,
                    METRICS_TOKEN=KEY,
                    API_HOST=host,
                    API_PORT=str(port),
                    API_THREADS="2",
                    RATE_LIMIT_LOGIN="4 per minute",
                    TRUSTED_PROXIES=str(proxies),
                )
            )
            for host in HOSTS
        }
        dns = stack.enter_context(dns_server())
        text = CADDYFILE.read_text("utf-8")
        for old, new in (
            ("http_port 8080", f"http_port {free_port()}"),
            ("app 5000", f"app {port}"),
            ("127.0.0.11", dns),
            ("read_body 60s", f"read_body {BODY_SECONDS}s"),
        ):
            assert old in text, old
            text = text.replace(old, new)
        file = tmp_path / "Caddyfile"
        file.write_text(text, "utf-8")
        for host in HOSTS:
            wait_until(lambda host=host: is_ready(f"http://{host}:{port}"))  # type: ignore[misc]
        process = subprocess.Popen(
            [CADDY, "run", "--config", file, "--adapter", "caddyfile"],
            env={"SITE": f":{site}", "HOME": str(tmp_path)},
            stderr=(log := (tmp_path / "caddy.log").open("wb")),
        )
        stack.callback(log.close)
        stack.callback(process.wait, 15)
        stack.callback(process.terminate)
        url = f"http://127.0.0.1:{site}"
        wait_until(lambda: is_ready(url))
        made = Stage(url, replicas, port)
        stack.callback(made.client.close)
        yield made


def log_in(stage: Stage, name: str, headers: dict[str, str], source: str = "127.0.0.1") -> int:
    """Try a wrong password from an address of this machine; return the status."""
    with httpx2.Client(transport=httpx2.HTTPTransport(local_address=source)) as client:
        body = {"username": name, "password": "wrong-password"}
        return client.post(f"{stage.url}/api/login", json=body, headers=headers).status_code


def test_the_console_is_behind_it_on_every_replica(stage: Stage) -> None:
    form: dict[str, str] = {"username": "ada", "password": "a good password"}
    with httpx2.Client(base_url=stage.url, headers={"Origin": stage.url}) as browser:
        found = re.search('name="csrf" value="([^"]+)"', browser.get("/register").text)
        assert found is not None
        form["csrf"] = found[1]
        assert browser.post("/register", data=form).status_code == 303
        assert [browser.get("/chat").status_code for _ in range(6)] == [200] * 6
        elsewhere = {"Origin": "https://evil.example"}
        assert browser.post("/logout", data=form, headers=elsewhere).status_code == 403


def test_caddy_accepts_the_file_as_it_is() -> None:
    for site in (":8080", "bot.example.com", "a.example.com, b.example.com"):
        command = [CADDY, "validate", "--config", CADDYFILE, "--adapter", "caddyfile"]
        done = subprocess.run(command, env={"SITE": site}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_requests_are_spread_and_a_dead_replica_is_noticed_by_nobody(stage: Stage) -> None:
    for _ in range(20):
        assert stage.client.get("/api/notifications").status_code == 401
    counts = {host: stage.answered(host) for host in HOSTS}
    assert all(count >= 5 for count in counts.values()), counts

    stage.replicas[HOSTS[0]].kill()

    for _ in range(20):
        assert stage.client.get("/api/notifications").status_code == 401
        assert stage.client.post("/api/notifications/addresses", json={}).status_code == 401


def test_without_any_replica_the_answer_is_json(stage: Stage) -> None:
    for replica in stage.replicas.values():
        replica.kill()

    answer = stage.client.get("/api/notifications")

    assert answer.status_code in (502, 503)
    assert answer.headers["Content-Type"] == "application/json"
    assert "can't be reached" in answer.json()["error"]


def test_a_made_up_address_counts_for_nothing(stage: Stage) -> None:
    statuses = [
        log_in(stage, f"user{number}", {"X-Forwarded-For": f"198.51.100.{number}"})
        for number in range(12)
    ]

    assert 429 in statuses, "two replicas, four attempts each"
    assert log_in(stage, "another", {}, source="127.0.0.9") == 401


@pytest.mark.parametrize("proxies", [2])
def test_behind_a_proxy_of_your_own_the_users_are_told_apart(stage: Stage) -> None:
    theirs = [
        log_in(stage, f"user{number}", {"X-Forwarded-For": f"198.51.100.{number}"})
        for number in range(12)
    ]
    ones = [
        log_in(stage, f"more{number}", {"X-Forwarded-For": f"203.0.113.{number}, 198.51.100.99"})
        for number in range(12)
    ]

    assert set(theirs) == {401}
    assert 429 in ones, "what a user made up stands before what your proxy has added"


def drip(url: str, end: threading.Event) -> None:
    """Send a request whose body comes a byte at a time, until told to end or cut off."""
    host, port = url.removeprefix("http://").split(":")
    head = "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
    with socket.create_connection((host, int(port))) as line, suppress(OSError):
        line.sendall(f"{head}Content-Type: application/json\r\n\r\n{{".encode())
        while not end.wait(0.1):
            line.sendall(b" ")


def test_bodies_that_drip_hold_up_nobody_and_leave_the_api_in_time(stage: Stage) -> None:
    end = threading.Event()
    with ThreadPoolExecutor(20) as pool:
        try:
            for _ in range(20):
                pool.submit(drip, stage.url, end)
            wait_until(lambda: stage.connections() >= 20)
            begun = time.monotonic()
            for _ in range(20):
                assert stage.client.get("/api/notifications").status_code == 401
            assert time.monotonic() - begun < BODY_SECONDS
            wait_until(lambda: stage.connections() < 20, BODY_SECONDS * 3)
        finally:
            end.set()
