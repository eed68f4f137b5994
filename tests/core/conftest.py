"""What the data core's tests share."""

from collections.abc import Iterator

import pytest

from core.db.engine import Database
from core.tables import metadata
from tests.support.books import make_books
from tests.support.errands import table as errands


@pytest.fixture(autouse=True)
def program_tables() -> Iterator[None]:
    """Let the program declare its own tables alone, without the tests' errands."""
    metadata.remove(metadata.tables[errands.name])
    yield
    errands.to_metadata(metadata)


@pytest.fixture
def books(database: Database) -> str:
    """The name of a table that somebody made in plain SQL, with rows in it."""
    return make_books(database)
