"""DATABASE_URL as hosts give it: what is understood, what is left out, what is never shown."""

import os
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import URL, make_url

from config.database_url import place_of, read_url, redis_place
from config.settings import ConfigError, load_settings
from core.db.dialects.errors import driver_words
from core.db.engine import Database
from core.errors import InvalidInput, Unavailable
from tests.support.postgres import PostgresServer

SECRET = "Th1rst"  # what stands in passwords behind a character that is not escaped
ODD = "p@ss/w#rd?x=%y:z"


def one_row(database: Database, sql: str) -> tuple[object, ...]:
    def ask(cursor: object) -> tuple[object, ...]:
        cursor.execute(sql)  # type: ignore[attr-defined]
        return tuple(cursor.fetchone())  # type: ignore[attr-defined]

    with closing(database):
        return database.run(ask)


@pytest.fixture(scope="module")
def guarded() -> Iterator[URL]:
    """A PostgreSQL whose password has every character that means something in an address."""
    with PostgresServer.running(ODD) as server:
        yield make_url(server.url)


def test_postgresql_by_every_name(postgres_url: URL) -> None:
    for scheme in ("postgres", "postgresql", "postgresql+asyncpg", "POSTGRES"):
        database = Database(f"{scheme}://app@127.0.0.1:{postgres_url.port}/postgres")
        assert one_row(database, "SELECT current_user") == ("app",)


def test_what_postgresql_knows_is_passed_and_the_rest_is_told(
    postgres_url: URL, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(
        f"postgres://app@127.0.0.1:{postgres_url.port}/postgres?sslmode=prefer&pgbouncer=true"
        "&application_name=bot&connect_timeout=3&connection_limit=1&options=-csearch_path%3Dpublic"
    )
    asked = "SELECT current_setting('application_name'), current_setting('search_path')"
    assert one_row(database, asked) == ("bot", "public")
    assert [record.getMessage() for record in caplog.records] == [
        "the database's driver has no option connection_limit, pgbouncer: left out of its address"
    ]


@pytest.mark.parametrize("option", ["sslmode=require", "ssl=true", "sslmode=no-verify"])
def test_tls_that_postgresql_does_not_offer_is_the_reason_told(
    postgres_url: URL, option: str
) -> None:
    address = f"postgres://app@127.0.0.1:{postgres_url.port}/postgres?{option}"
    with pytest.raises(Unavailable) as refused:
        one_row(Database(address), "SELECT 1")
    assert "server does not support SSL, but SSL was required" in driver_words(refused.value)


def test_a_password_of_signs_works_where_it_is_escaped(guarded: URL) -> None:
    right = f"postgres://app:{quote(ODD, safe='')}@127.0.0.1:{guarded.port}/postgres"
    assert one_row(Database(right), "SELECT 1") == (1,)
    for wrong, told in (
        (f"postgres://app:wrong@127.0.0.1:{guarded.port}/postgres", "password authentication"),
        (right.replace("/postgres", "/nowhere"), 'database "nowhere" does not exist'),
    ):
        with pytest.raises(Unavailable) as refused:
            one_row(Database(wrong), "SELECT 1")
        assert told in driver_words(refused.value)
        assert "\n" not in driver_words(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        f"postgres://app:p@{SECRET}@db.example/app",
        f"postgres://app:p@s/{SECRET}@db.example/app",
        f"postgres://app:p@s?{SECRET}@db.example/app",
        f"postgres://app:p@s#{SECRET}@db.example/app",
        f"postgres://app:p@s/{SECRET}@db.example/app?sslmode=require",
        f"postgres://app/{SECRET}@db.example/app",
        f"postgres://app:{SECRET}",
        f"postgres://app:{SECRET}/db.example/app",
        f"mysql://app:p@{SECRET}@db.example/app",
        f"oracle://app:{SECRET}@db.example/app",
        f"jdbc:postgresql://app:{SECRET}@db.example/app",
        f"{SECRET}",
        f"sqlite://{SECRET}.db",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_an_address_that_cannot_be_read_is_one_line_that_repeats_nothing(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", address)
    with pytest.raises(ConfigError, match=r"^DATABASE_URL: ") as refused:
        load_settings()
    assert SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)
    with pytest.raises(InvalidInput) as by_hand:
        Database(address)
    assert SECRET not in str(by_hand.value)


@pytest.mark.parametrize(
    "address",
    [
        f"redis://:{SECRET}#s@redis.example:6379",
        f"redis://:s/{SECRET}@redis.example:6379",
        f"redis://:1/{SECRET}@redis.example:6379",
        f"redis://:1#{SECRET}@redis.example:6379",
        f"redis://redis.example:{SECRET}",
        f"redis:{SECRET}",
        f"http://{SECRET}",
        f"{SECRET}",
        "redis://redis.example:65536",
    ],
)
def test_an_address_of_redis_that_cannot_be_read_repeats_nothing(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("RATE_LIMIT_STORAGE_URL", address)
    with pytest.raises(
        ConfigError, match=r"^RATE_LIMIT_STORAGE_URL: it can't be read; .*\Z"
    ) as refused:
        load_settings()
    assert SECRET not in str(refused.value)


def test_the_password_of_redis_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"rediss://default:{SECRET}@redis.example/1?ssl_cert_reqs=none"
    monkeypatch.setenv("RATE_LIMIT_STORAGE_URL", address)
    assert SECRET not in repr(load_settings())
    assert redis_place(address) == "redis.example:6379"
    assert redis_place("memory://") is None


def test_an_address_is_shown_without_user_password_and_options() -> None:
    shown = place_of(read_url(f"postgres://app:{SECRET}@db.example:5432/app?password={SECRET}"))
    assert shown == "postgresql://db.example:5432/app"
    assert place_of(read_url("sqlite:///var/app.db")) == "sqlite:///var/app.db"


def test_sqlite_takes_no_options(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(f"sqlite:///{tmp_path}/app.db?mode=ro&connection_limit=1")
    assert one_row(database, "SELECT 1") == (1,)
    assert "connection_limit, mode" in caplog.text


@pytest.mark.parametrize(
    ("option", "arguments"),
    [
        ("ssl-mode=DISABLED", {"ssl_disabled": True}),
        ("sslmode=PREFERRED", {}),
        ("useSSL=false", {"ssl_disabled": True}),
        ("connect_timeout=7", {"connect_timeout": 7}),
        ("charset=utf8", {"charset": "utf8mb4"}),
    ],
)
def test_mysql_understands_other_clients_options(
    option: str, arguments: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Database(f"mysql://app@127.0.0.1/app?{option}")) as database:
        assert database.connect_arguments.items() >= arguments.items()
    assert "ssl" not in database.connect_arguments
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("option", "verifies", "checks_name"),
    [
        ("ssl-mode=REQUIRED", ssl.CERT_NONE, False),
        ("ssl_mode=VERIFY_CA", ssl.CERT_REQUIRED, False),
        ("ssl-mode=VERIFY_IDENTITY", ssl.CERT_REQUIRED, True),
        ("sslaccept=strict", ssl.CERT_REQUIRED, True),
        ("sslaccept=accept_invalid_certs", ssl.CERT_NONE, False),
        ('ssl={"rejectUnauthorized":true}', ssl.CERT_REQUIRED, True),
        ("tls=skip-verify", ssl.CERT_NONE, False),
    ],
)
def test_mysql_demands_tls_where_it_is_asked_to(
    option: str, verifies: ssl.VerifyMode, checks_name: bool
) -> None:
    with closing(Database(f"mysql://app@127.0.0.1/app?{option}")) as database:
        context = database.connect_arguments["ssl"]
    assert (context.verify_mode, context.check_hostname) == (verifies, checks_name)


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (f"ssl-mode={SECRET}", "ssl-mode can be DISABLED"),
        ("connect_timeout=soon", "connect-timeout is a number"),
        ("ssl-ca=/nowhere.pem", "a file that can't be read"),
    ],
)
def test_an_option_that_mysql_cannot_use_is_told(option: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told) as refused:
        Database(f"mysql://app@127.0.0.1/app?{option}")
    assert SECRET not in str(refused.value)


@pytest.mark.skipif("TEST_MYSQL_URL" not in os.environ, reason="TEST_MYSQL_URL is not set")
def test_mariadb_by_every_name(caplog: pytest.LogCaptureFixture) -> None:
    server = make_url(os.environ["TEST_MYSQL_URL"])
    where = f"{server.username}@127.0.0.1:{server.port}"
    options = "charset=utf8&ssl-mode=PREFERRED&connection_limit=5"
    for scheme in ("mysql", "mariadb", "mysql+aiomysql"):
        database = Database(f"{scheme}://{where}/mysql?{options}")
        assert one_row(database, "SELECT @@character_set_client") == ("utf8mb4",)
    assert caplog.messages[0].count("connection_limit") == 1
    assert "charset" not in caplog.text
    for wrong, told in (
        (f"mysql://nobody:{SECRET}@127.0.0.1:{server.port}/mysql", "Access denied"),
        (f"mysql://{where}/nowhere", "Unknown database 'nowhere'"),
    ):
        with pytest.raises(Unavailable) as refused:
            one_row(Database(wrong), "SELECT 1")
        assert told in driver_words(refused.value)
        assert SECRET not in driver_words(refused.value)
