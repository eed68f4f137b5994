"""Databases for the tests: a fresh, migrated one each, on SQLite, PostgreSQL, MySQL or MariaDB."""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import hypothesis
import psycopg2
import pytest
from sqlalchemy import URL, make_url

from api.main import register_routes
from bot.framework.registry import registry
from config.settings import Settings, get_settings
from core import migrations
from core.db.engine import Database, use_database
from runtime import logs
from runtime.start import tune_garbage_collector
from tests.support import errands
from tests.support.databases import ReusedDatabase
from tests.support.mysql_database import ReusedMysqlDatabase
from tests.support.postgres import postgres_server
from tests.support.routes import build_urls_on_demand, compile_templates_once, read_paths_once
from tests.support.waiting import Clock

# Before anything reads the settings: whatever the developer's own say, the tests run with these.
for setting in [name for name in os.environ if name.lower() in Settings.model_fields]:
    del os.environ[setting]
os.environ.update(
    ENV_FILE=os.devnull,
    AGENT_VARIABLES="*",
    APP_ENV="development",
    DATA_DIR=tempfile.mkdtemp(prefix="tests-"),
    JWT_SECRET="tests-" + "j" * 40,
    SERVICE_KEY="tests-" + "s" * 40,
    PASSWORD_HASH_ROUNDS="4",
    RATE_LIMIT="1000000 per minute",
    RATE_LIMIT_LOGIN="1000000 per minute",
)

TESTS = Path(__file__).parent
CORE = TESTS / "core"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
STARTS_PROCESSES = ("browser", "cli", "deploy", "docs", "scheduler", "system")
SLOW_WEIGHT = 10  # a test that is marked as slow takes as long as so many others
DATABASES = ["sqlite", "postgresql", *(["mysql"] if "TEST_MYSQL_URL" in os.environ else [])]

gc.set_threshold(100_000, 50, 1000)  # hardly ever while the tests are collected; see below

hypothesis.settings.register_profile("short", max_examples=30, deadline=None, database=None)
hypothesis.settings.load_profile("short")
build_urls_on_demand()
read_paths_once()
compile_templates_once()
register_routes(errands)
registry.add(errands.errands)


def pytest_xdist_auto_num_workers() -> int:
    """Two processes a core where there are few cores: half of the time, tests wait."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(cores or 1, min(2 * (cores or 1), 6))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each of the processes that share the tests begin with a part of those that take long.

    Each gets an equal number of tests in a row and, when it is done, half of another's last ones:
    so quick ones are left to the end, and none waits for a process that has got all long ones.
    """
    if WORKERS == 1:
        return
    shares: list[list[pytest.Item]] = [[] for _ in range(WORKERS)]
    modules: dict[Path, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.path, []).append(item)
    folders = {TESTS / name for name in STARTS_PROCESSES}
    weights = {
        path: sum(SLOW_WEIGHT if item.get_closest_marker("slow") else 1 for item in module)
        for path, module in modules.items()
    }
    long = [
        path
        for path, module in modules.items()
        if weights[path] > len(module) or not folders.isdisjoint(path.parents)
    ]
    heavy = [0] * WORKERS
    for path in sorted(long, key=lambda path: -weights[path]):
        least = heavy.index(min(heavy))
        heavy[least] += weights[path]
        shares[least] += modules.pop(path)
    quick = iter([item for module in modules.values() for item in module])
    for number, share in enumerate(shares):
        missing = len(items) * (number + 1) // WORKERS - len(items) * number // WORKERS - len(share)
        share.extend(islice(quick, max(missing, 0)))
    items[:] = [item for share in shares for item in share] + [*quick]


def pytest_collection_finish() -> None:
    """Look no more for garbage among the modules and tests: that took a quarter of the time."""
    tune_garbage_collector()


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ["DATA_DIR"])


@pytest.fixture(autouse=True)
def words_of_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave them out of the log, as in production, whatever a test has configured."""
    monkeypatch.setattr(logs, "_words", logs._Words())


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[URL]:
    """A PostgreSQL server's empty database; the server lives as long as the session."""
    with postgres_server() as url:
        yield make_url(url)


@pytest.fixture(scope="session")
def postgres_template(postgres_url: URL) -> URL:
    """A migrated database that others are copied from."""
    with closing(psycopg2.connect(_dsn(postgres_url))) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE migrated")
    return _migrate(postgres_url.set(database="migrated"))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> URL:
    """A migrated file that others are copied from."""
    return _migrate(URL.create("sqlite", database=str(tmp_path_factory.mktemp("db") / "app.db")))


@pytest.fixture(scope="session")
def reused_postgres(postgres_template: URL) -> Iterator[ReusedDatabase]:
    """The one PostgreSQL database that tests use in turn."""
    with closing(ReusedDatabase(postgres_template)) as reused:
        yield reused


@pytest.fixture(scope="session")
def reused_mysql() -> ReusedMysqlDatabase:
    """The one MySQL or MariaDB database that tests use in turn."""
    return ReusedMysqlDatabase(
        make_url(os.environ["TEST_MYSQL_URL"]).set(database=f"test_{WORKER}")
    )


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[URL]:
    """The URL of a fresh, migrated database: once on SQLite, once on PostgreSQL.

    Conversations and the bot are tested on SQLite, unless a test chooses. The mark
    `every_database` adds MySQL or MariaDB, where TEST_MYSQL_URL is set.
    """
    kind = getattr(request, "param", "sqlite")
    if kind == "sqlite":
        template: URL = request.getfixturevalue("sqlite_template")
        url = template.set(database=str(tmp_path / "app.db"))
        shutil.copyfile(str(template.database), str(url.database))
        yield url
        return
    reused: ReusedDatabase | ReusedMysqlDatabase = request.getfixturevalue(
        {"postgresql": "reused_postgres", "mysql": "reused_mysql"}[kind]
    )
    yield reused.url
    reused.empty()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests on two databases, the core's and the marked ones on all, unless they choose."""
    test = metafunc.definition
    folder = test.path.relative_to(TESTS).parts[0]
    fixtures = metafunc.fixturenames
    if "database_url" not in fixtures or "world" in fixtures or folder == "bot":
        return
    chosen = any(mark.args[0] == "database_url" for mark in test.iter_markers("parametrize"))
    everywhere = test.path.is_relative_to(CORE) or test.get_closest_marker("every_database")
    if not chosen:
        kinds = DATABASES if everywhere else DATABASES[:2]
        metafunc.parametrize("database_url", kinds, indirect=True)


@pytest.fixture
def settings() -> Settings:
    """The settings of the tests; override the fixture to change them."""
    return get_settings()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until it is moved."""
    return Clock()


@pytest.fixture
def database(database_url: URL) -> Iterator[Database]:
    """A fresh, migrated database, which the program uses for the length of the test.

    `@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)` asks for one kind only.
    """
    with closing(Database(database_url)) as database:
        before = use_database(database)
        yield database
        use_database(before)


def _migrate(url: URL) -> URL:
    with closing(Database(url)) as database:
        migrations.upgrade(database)
        errands.make_table(database)
    return url


def _dsn(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
