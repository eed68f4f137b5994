"""What the data core's tests share."""

import pytest

from core.db.engine import Database
from tests.support.books import make_books


@pytest.fixture
def books(database: Database) -> str:
    """The name of a table that somebody made in plain SQL, with rows in it."""
    return make_books(database)
