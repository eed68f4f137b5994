"""What most commands begin with: the settings, and a database that is up to date."""

from collections.abc import Iterator
from contextlib import contextmanager

from cli.exits import fail
from config.settings import ConfigError, Settings, get_settings
from core import migrations
from core.database import Database, get_database, use_database
from core.driver_errors import driver_words
from core.errors import Unavailable


def settings_or_exit() -> Settings:
    """Return this process's settings; where they can't be used, say why and exit with 2."""
    try:
        return get_settings()
    except ConfigError as error:
        raise fail(f"The settings can't be used:\n{error}") from error


def prepare_database() -> None:
    """Use the database that the settings name, and bring it up to date."""
    settings_or_exit()
    migrations.upgrade(get_database())


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """Open the database and bring it up to date."""
    database = Database(settings.sqlalchemy_url, settings.db_pool_size)
    use_database(database)
    try:
        migrations.upgrade(database)
    except Unavailable as error:
        where = settings.sqlalchemy_url.render_as_string(hide_password=True)
        raise fail(
            f"The database {where} can't be used: {driver_words(error)}. Is it running?"
        ) from error
    try:
        yield database
    finally:
        database.close()
