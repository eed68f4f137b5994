"""Logging: one line an event, plain or JSON, to the screen or to rotating files.

Lines carry what happened and to which row, never a password, a token or the text of a message.
"""

import logging
import logging.config
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from config.settings import Settings

NO_REQUEST = "-"
request_id: ContextVar[str] = ContextVar("request_id", default=NO_REQUEST)
"""The request or message that is being worked on; it stands in every log line."""
agent: ContextVar[str] = ContextVar("agent", default="-")
"""The agent that is at work; `manage.py agents logs` finds its lines by it."""

PLAIN = "%(asctime)s %(levelname)-7s %(name)s [%(agent)s %(request_id)s] %(message)s"
FIELDS = "%(levelname)s %(name)s %(agent)s %(request_id)s %(message)s"
ROTATE_BYTES = 10_000_000
ROTATED_FILES = 5
# These libraries write request lines, addresses or message payloads at the named level.
QUIET = {
    "apprise": "CRITICAL",
    "apscheduler": "WARNING",
    "discord": "WARNING",
    "httpx2": "WARNING",
    "httpcore2": "WARNING",
    "openai": "WARNING",
    "requests": "WARNING",
    "urllib3": "ERROR",
    "anthropic": "WARNING",
    "alembic": "WARNING",
    "asyncio": "WARNING",
    "waitress": "WARNING",
    "core.pool": "WARNING",  # our pool, which logs as SQLAlchemy's does
    "sqlalchemy.pool": "WARNING",
    "tzlocal": "WARNING",
}


class ContextFilter(logging.Filter):
    """Put the agent and the request that are being worked on, on every line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add `agent` and `request_id`; keep every line."""
        record.agent = agent.get()
        record.request_id = request_id.get()
        return True


class PlainFormatter(logging.Formatter):
    """Plain lines, with the time in UTC as ISO 8601."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """Return the time of the line, to the millisecond."""
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def where_raised(error: BaseException | None) -> str:
    """Return a traceback, causes first, without messages: those may quote what a user wrote."""
    lines: list[str] = []
    while error is not None:
        lines[:0] = [*traceback.format_tb(error.__traceback__), f"{type(error).__qualname__}\n"]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "".join(lines)


def log_under(request: str | None, logger: logging.Logger, message: str, *values: object) -> None:
    """Write a line at INFO under the request that something goes back to, if that is known."""
    token = request_id.set(request or NO_REQUEST)
    try:
        logger.info(message, *values)
    finally:
        request_id.reset(token)


def configure_logging(settings: Settings) -> None:
    """Send the logs of this process where the settings say."""
    handler: dict[str, Any] = {
        "class": "logging.StreamHandler",
        "formatter": settings.log_format,
        "filters": ["context"],
    }
    if settings.log_file:
        settings.log_file.parent.mkdir(parents=True, exist_ok=True)
        handler |= {
            "class": "logging.handlers.RotatingFileHandler",
            "filename": str(settings.log_file),
            "maxBytes": ROTATE_BYTES,
            "backupCount": ROTATED_FILES,
            "encoding": "utf-8",
        }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"context": {"()": ContextFilter}},
            "formatters": {
                "plain": {"()": PlainFormatter, "fmt": PLAIN},
                "json": {
                    "()": "pythonjsonlogger.json.JsonFormatter",
                    "fmt": FIELDS,
                    "rename_fields": {"levelname": "level", "name": "logger"},
                    "timestamp": "time",
                },
            },
            "handlers": {"main": handler},
            "root": {"handlers": ["main"], "level": settings.log_level},
            "loggers": {name: {"level": level} for name, level in QUIET.items()},
        }
    )
