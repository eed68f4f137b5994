"""What most commands begin with: the settings, and a database that is up to date."""

from collections.abc import Iterator
from contextlib import contextmanager

from config.broken import CannotStart
from config.database_url import place_of
from config.settings import Settings, get_settings
from core import migrations
from core.db.dialects.errors import driver_words
from core.db.engine import Database, get_database, use_database
from core.errors import Unavailable


def unusable(error: Unavailable) -> CannotStart:
    """Return what to raise where the database can't be used."""
    place = place_of(get_settings().sqlalchemy_url)
    return CannotStart(f"The database {place} can't be used: {driver_words(error)}")


def prepare_database() -> None:
    """Use the database that the settings name, and bring it up to date."""
    migrations.upgrade(get_database())


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """Open the database and bring it up to date."""
    database = Database(settings.sqlalchemy_url, settings.db_pool_size)
    use_database(database)
    try:
        migrations.upgrade(database)
        yield database
    finally:
        database.close()
