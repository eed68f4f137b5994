"""The services that run inside a command: database, API and scheduler."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cli.exits import fail
from config.settings import Settings, serving_api
from core.errors import Unavailable

if TYPE_CHECKING:
    from core.database import Database


@contextmanager
def open_database(settings: Settings) -> Iterator["Database"]:
    """Open the database and bring it up to date."""
    from core import migrations
    from core.database import Database, use_database
    from core.driver_errors import driver_words

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


@contextmanager
def services(settings: Settings, database: "Database") -> Iterator[str]:
    """Run the API and the scheduler; yield the API's address."""
    from api.main import create_app
    from api.server import serve
    from cli.agent_schema import agents_schema
    from core.agent_rules import use_schema
    from scheduler.daemon import Daemon

    use_schema(agents_schema())  # a kind of agent that was added since needs no `generate` here
    try:
        server = serve(
            create_app(settings, database),
            settings.api_host,
            settings.api_port,
            settings.api_threads,
        )
    except OSError as error:
        raise fail(
            f"Port {settings.api_port} can't be used ({error.strerror}). "
            "Is the bot running already? Set API_PORT to another one."
        ) from error
    stop = threading.Event()
    threads = [
        threading.Thread(target=server.run, name="api"),
        threading.Thread(target=Daemon(settings, stop).run, name="scheduler"),
    ]
    for thread in threads:
        thread.start()
    try:
        with serving_api(settings.api_host, server.port) as url:
            yield url
    finally:
        stop.set()
        server.close()
        for thread in threads:
            thread.join(settings.shutdown_timeout)
