"""The data core's tests run on every database: on MySQL or MariaDB where TEST_MYSQL_URL is set."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url

from core.database import Database
from tests.support.books import make_books
from tests.support.databases import ReusedDatabase
from tests.support.mysql_database import ReusedMysqlDatabase

MYSQL_URL = os.environ.get("TEST_MYSQL_URL")
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")
DATABASES = ["sqlite", "postgresql", *(["mysql"] if MYSQL_URL else [])]


@pytest.fixture(scope="session")
def reused_mysql() -> ReusedMysqlDatabase:
    """The one MySQL or MariaDB database that tests use in turn."""
    assert MYSQL_URL is not None
    return ReusedMysqlDatabase(make_url(MYSQL_URL).set(database=f"test_{WORKER}"))


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[URL]:
    """The URL of a fresh, migrated database: once on each kind."""
    if request.param == "sqlite":
        template: URL = request.getfixturevalue("sqlite_template")
        url = template.set(database=str(tmp_path / "app.db"))
        shutil.copyfile(str(template.database), str(url.database))
        yield url
        return
    reused: ReusedDatabase | ReusedMysqlDatabase = request.getfixturevalue(
        {"postgresql": "reused_postgres", "mysql": "reused_mysql"}[request.param]
    )
    yield reused.url
    reused.empty()


@pytest.fixture
def books(database: Database) -> str:
    """The name of a table that somebody made in plain SQL, with rows in it."""
    return make_books(database)
