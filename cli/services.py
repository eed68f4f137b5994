"""The services that run inside a command: API and scheduler."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from api.http.server import serve
from api.main import create_app
from cli.agents.schema import agents_schema
from cli.errors import fail
from config.settings import Settings, serving_api
from core.agents.validation import use_schema
from core.db.engine import Database
from scheduler.daemon import Daemon


@contextmanager
def services(settings: Settings, database: Database) -> Iterator[str]:
    """Run the API and the scheduler; yield the API's address."""
    use_schema(agents_schema())  # an agent type that was added since needs no `generate` here
    app = create_app(settings, database)
    try:
        server = serve(app, settings.api_host, settings.api_port, settings.api_threads)
    except OSError as error:
        raise fail(
            f"Port {settings.api_port} can't be used ({error.strerror}). "
            "Is the bot running already? Set API_PORT to another one."
        ) from error
    stop = threading.Event()
    daemon = Daemon(settings, stop)
    daemon.load()
    threads = [
        threading.Thread(target=server.run, name="api"),
        threading.Thread(target=daemon.run, name="scheduler"),
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
