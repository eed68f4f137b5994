"""The Flask application, put together; `python -m api.main` serves it."""

import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from inspect import CO_COROUTINE
from types import FunctionType, ModuleType
from typing import Any

from apiflask import APIFlask
from werkzeug.middleware.proxy_fix import ProxyFix

from api import metrics, resources, starting, workers
from api.console import site
from api.discovery import add_routes, load_routes
from api.docs import openapi, page
from api.http import cors, errors, hashing_slots, idempotency, request_id, security
from api.http.json import StrictJSON
from api.http.server import Server, listening
from config.broken import CannotStart
from config.database_url import place_of
from config.settings import Settings, get_settings, serving_api
from core import migrations
from core.db.dialects.errors import driver_words
from core.db.engine import Database, use_database
from core.errors import BrokenSchema, TooNew, Unavailable
from runtime.clock import Clock, utc_now
from runtime.cores import keep_to_one_core
from runtime.metrics import metrics_server
from runtime.run import run
from runtime.start import start, stop_on_signals, tune_garbage_collector

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
START_PATIENCE = 60.0  # seconds that a database gets to come up

_added: list[ModuleType] = []


def register_routes(module: ModuleType) -> None:
    """Add a module with `register(app)` that lies outside api/routes to the application."""
    if module in _added or module in load_routes():
        return
    _added.append(module)
    if "app" in globals():
        add_routes(globals()["app"], module)


class Application(APIFlask):
    """Flask's application, which asks of no plain function again and again whether it is async."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that is not async; it is asked a dozen times in each request."""
        if type(func) is FunctionType and not func.__code__.co_flags & CO_COROUTINE:
            return func
        return super().ensure_sync(func)


def create_app(
    settings: Settings | None = None, database: Database | None = None, clock: Clock = utc_now
) -> APIFlask:
    """Make the application. Without a database the process's own is used.

    Raises BrokenModule, which names the route module that can't be used.
    """
    app = Application(
        "api",
        title="Plain-language bot",
        version="1",
        docs_path=None,  # its pages load their scripts from the internet
        static_folder=None,  # type: ignore[arg-type]
        json_errors=False,
    )
    app.json = StrictJSON(app)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    settings = settings or get_settings()
    app.extensions["settings"] = settings
    if proxies := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, proxies, proxies)  # type: ignore[method-assign]
    app.extensions["clock"] = clock
    if database is not None:
        use_database(database)
    # Hooks run in this order: a request is named, its caller admitted, its path checked.
    parts = (
        request_id,
        metrics,
        cors,
        starting,
        security,
        hashing_slots,
        resources,
        idempotency,
        errors,
        openapi,
    )
    for part in parts:
        part.install(app)
    page.install(app)
    security.public(app.view_functions["openapi.spec"])
    for module in [*load_routes(), *_added]:
        add_routes(app, module)
    site.install(app)
    return app


def main() -> int:
    """Serve the API until SIGTERM or SIGINT; return the exit code."""
    settings, stop = start(), stop_on_signals()
    is_several = settings.web_concurrency > 1
    if is_several and sys.platform == "win32":
        raise CannotStart("WEB_CONCURRENCY: processes can't share a port on Windows; leave it at 1")
    if is_several and (worker := workers.inherited()):
        return _serve(settings, worker.listener, stop, worker)
    try:
        listener = listening(settings.api_host, settings.api_port)
    except OSError as error:
        log.error("port %d can't be used: %s", settings.api_port, error.strerror)
        return 1
    log.info("listening on port %d", listener.getsockname()[1])
    if is_several:
        with listener:
            return workers.run_workers(settings, listener, stop)
    return _serve(settings, listener, stop)


def _serve(
    settings: Settings,
    listener: socket.socket,
    stop: threading.Event,
    worker: workers.Inherited | None = None,
) -> int:
    """Serve from this process, which may be one of several; return the exit code."""
    database = Database(settings.sqlalchemy_url, settings.db_pool_size)
    metrics: AbstractContextManager[object] = nullcontext()
    try:
        app = create_app(settings, database)
        if settings.api_keep_to_core:
            keep_to_one_core(worker.number if worker else None)
        if worker is None:
            metrics = metrics_server(settings, app.extensions["metrics"].text)
        elif settings.rate_limit_storage_url.get_secret_value().startswith("memory:"):
            app.extensions["limits"].counters = worker.counters
        server = Server(app, listener, settings.api_threads)
        with metrics, serving_api(settings.api_host, server.port), _served(server, stop):
            return _run(app, database, stop, worker)
    finally:
        listener.close()
        database.close()


def _run(
    app: APIFlask, database: Database, stop: threading.Event, worker: workers.Inherited | None
) -> int:
    """Migrate, while /health is answered already; let the requests in; wait for the end."""
    starting.begin(app)
    try:
        migrations.upgrade_when_up(database, stop, START_PATIENCE)
    except (BrokenSchema, TooNew) as error:
        log.error("%s", error)
        return 1
    except Unavailable as error:
        url = database.engine.url
        log.error(
            "the database %s can't be used; DATABASE_URL or the DB_ settings say where it is: %s",
            place_of(url),
            driver_words(error),
        )
        return 1
    starting.end(app)
    tune_garbage_collector()
    if worker is not None:
        worker.follow(stop)
    stop.wait()
    return 0


@contextmanager
def _served(server: Server, stop: threading.Event) -> Iterator[None]:
    """Serve in a thread, so that this one can migrate and wait for the signal to stop."""

    def run() -> None:
        try:
            server.run()
        finally:
            stop.set()  # a server that broke down ends the process

    thread = threading.Thread(target=run, name="api")
    thread.start()
    try:
        yield
    finally:
        server.close()
        thread.join()


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    """Make `app` when it is first asked for, so that importing this module touches no database."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["app"] = create_app()
    return globals()["app"]


if __name__ == "__main__":
    # Not this module under its other name, but the one that register_routes is imported from.
    from api.main import main as _main

    run(_main)
