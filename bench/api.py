"""The API against a bare Flask view: an authenticated list of ten rows, over HTTP, on PostgreSQL.

Each server is a process of its own, and so is the load. All views check the token, look the user up
and run the same SQL; PostgreSQL asks for a password, as it does by default. The project's server
logs each request, as it does in earnest. What is printed is the median ratio of rates taken in
turn, and that of the time that the servers' processes computed for an answer, which other work on
the machine changes less.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import product
from math import inf
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.pool import Pool
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import jwt
import psycopg2
import psycopg2.extras
import psycopg2.pool
from flask import Flask, jsonify, request
from sqlalchemy import make_url
from werkzeug.serving import make_server

from api.http.server import serve
from api.main import create_app
from bench.peers import PEERS, python_of_peers, running_peer
from bench.support.load import Measured, load
from config.settings import Settings, get_settings
from core import migrations
from core.auth import issue_token
from core.db.engine import Database, use_database
from core.postgres import insert, insert_many
from runtime.cores import keep_to_one_core
from runtime.logs import configure_logging
from tests.support.postgres import postgres_server

OURS = ("project", "project on all cores")
SERVERS = (*OURS, "pooled", "connecting")
CLIENTS = (1, 8, 64)
ROUNDS = 7
SECONDS = {"connecting": 3.0}
ROWS = 10
PASSWORD = "of-the-database"  # noqa: S105 - of a server that lives as long as the measurement
USER_SQL = (
    "SELECT id, username, password_hashed, display_name, time_zone, token_version, created_at "
    "FROM users WHERE id = %s LIMIT 1"
)
ROWS_SQL = (
    "SELECT id, user_uuid, name, created_at FROM examples WHERE user_uuid = %s "
    "ORDER BY created_at, id LIMIT 100 OFFSET 0"
)

Query = Callable[[str, UUID], list[dict[str, Any]]]


def main() -> None:
    """Print, for each number of clients, every server's rate and the ratios to the bare ones."""
    with ExitStack() as stack:
        url = stack.enter_context(postgres_server(PASSWORD))
        read = list_request(fill(stack.enter_context(closing(Database(url)))))
        servers = {name: stack.enter_context(served(name, url, get_settings())) for name in SERVERS}
        if python := python_of_peers():
            secret = get_settings().jwt_secret.get_secret_value()
            threads = get_settings().api_threads
            for name in PEERS:
                peer = running_peer(name, python, url, secret, threads)
                servers[name] = stack.enter_context(peer)
        load_process = stack.enter_context(get_context("spawn").Pool(1))
        print(
            f"{'clients':>8} {'server':<28} {'per second':>10} {'p50 ms':>8} {'p99 ms':>8} "
            f"{'CPU ms':>7}"
        )
        for clients in CLIENTS:
            _compare(load_process, servers, read, clients)


def _compare(
    load_process: Pool, servers: dict[str, tuple[int, int]], words: bytes, clients: int
) -> None:
    taken: dict[str, list[Measured]] = {name: [] for name in servers}
    computed: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, (port, process) in servers.items():
            before = _cpu_seconds(process)
            measured = load_process.apply(load, (port, words, clients, SECONDS.get(name, 0.5)))
            taken[name].append(measured)
            computed[name].append((_cpu_seconds(process) - before) / measured.answers * 1000)
    rates = {name: median(one.rate for one in many) for name, many in taken.items()}
    cpu = {name: median(many) for name, many in computed.items()}
    for name, many in taken.items():
        p50, p99 = median(one.p50 for one in many), median(one.p99 for one in many)
        print(
            f"{clients:>8} {name:<28} {rates[name]:>10.0f} {p50:>8.2f} {p99:>8.2f} "
            f"{cpu[name]:>7.2f}"
        )
    for ours, name in product(OURS, servers):
        if name in OURS:
            continue
        turns = zip(taken[ours], taken[name], strict=True)
        ratio = median(one.rate / other.rate if other.rate else inf for one, other in turns)
        print(f"{'':>8} {ours} / {name} {ratio:.2f} (by CPU {cpu[name] / cpu[ours]:.2f})")


def list_request(token: str) -> bytes:
    """Return the request for the rows of a token's user."""
    words = f"GET /api/example HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    return words.encode()


def fill(database: Database) -> str:
    """Make a user with ten rows among others, and return their token."""
    migrations.upgrade(database)
    use_database(database)
    users = [insert("users", {"username": f"user{n}", "password_hashed": b"x"}) for n in range(20)]
    rows = [{"user_uuid": user["id"], "name": f"row {n}"} for user in users for n in range(ROWS)]
    insert_many("examples", rows)
    return issue_token(users[7])


def _cpu_seconds(process: int) -> float:
    """Return how long a process has computed: Linux' proc(5), where the 14th and 15th field say."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(kind: str, url: str, settings: Settings) -> Iterator[tuple[int, int]]:
    """Run a server in a process of its own; yield its port and the process's number."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(kind, url, settings, there))
    process.start()
    try:
        assert process.pid is not None
        yield here.recv(), process.pid
    finally:
        process.terminate()
        process.join()


def _serve(kind: str, url: str, settings: Settings, line: Connection) -> None:
    if kind == "connecting":
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        development = make_server("127.0.0.1", 0, _bare(_connecting(url), settings), threaded=True)
        line.send(development.port)
        development.serve_forever()
        return
    if kind == "pooled":
        app: Flask = _bare(_pooled(url, settings.api_threads), settings)
    else:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the process's life
        configure_logging(settings)
        app = create_app(settings, Database(url, settings.db_pool_size))
        if kind == "project":  # as api.main does
            keep_to_one_core()
    server = serve(app, "127.0.0.1", 0, settings.api_threads)
    line.send(server.port)
    server.run()


def _bare(query: Query, settings: Settings) -> Flask:
    """Return the application that one would write by hand for this one view."""
    app = Flask("bare")
    secret = settings.jwt_secret.get_secret_value()

    @app.get("/api/example")
    def index() -> Any:  # noqa: ANN401 - Flask's
        token = request.headers["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, secret, ["HS256"])
        user = query(USER_SQL, UUID(claims["sub"]))
        if not user or user[0]["token_version"] != claims["ver"]:
            return jsonify(error="Please log in again."), 401
        rows = query(ROWS_SQL, user[0]["id"])
        return jsonify(
            [
                {"id": row["id"], "name": row["name"], "created_at": row["created_at"].isoformat()}
                for row in rows
            ]
        )

    return app


def _pooled(url: str, size: int) -> Query:
    # psycopg2's pool closes what it holds above the minimum as it comes back, hence the minimum.
    pool = psycopg2.pool.ThreadedConnectionPool(size, size, **_where(url))

    def query(sql: str, value: UUID) -> list[dict[str, Any]]:
        connection = pool.getconn()
        try:
            connection.autocommit = True
            return _rows(connection, sql, value)
        finally:
            pool.putconn(connection)

    return query


def _connecting(url: str) -> Query:
    def query(sql: str, value: UUID) -> list[dict[str, Any]]:
        with closing(psycopg2.connect(**_where(url))) as connection:
            connection.autocommit = True
            return _rows(connection, sql, value)

    return query


def _rows(connection: Any, sql: str, value: UUID) -> list[dict[str, Any]]:  # noqa: ANN401
    psycopg2.extras.register_uuid(conn_or_curs=connection)
    with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute(sql, (value,))
        found: list[dict[str, Any]] = cursor.fetchall()
        return found


def _where(url: str) -> dict[str, Any]:
    address = make_url(url)
    return {
        "host": address.host,
        "port": address.port,
        "user": address.username,
        "password": address.password,
        "dbname": address.database,
    }


if __name__ == "__main__":
    main()
