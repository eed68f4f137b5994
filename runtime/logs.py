"""Logging: one line an event, plain or JSON, to the screen or to rotating files.

Lines carry what happened and to which row, never a password, a token or the text of a message. In
development they have the words of unexpected errors too, which may quote what somebody wrote.
"""

import logging
import logging.config
import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from logging.handlers import RotatingFileHandler
from typing import Any, TextIO

from pydantic import SecretStr

from config.broken import is_own, place_in_files, place_in_modules, words_of
from config.private import private
from config.secrets import entries
from config.settings import ConfigError, Settings, settings_file, values_in

NO_REQUEST = "-"
request_id: ContextVar[str] = ContextVar("request_id", default=NO_REQUEST)
"""The request or message that is being worked on; it stands in every log line."""
agent: ContextVar[str] = ContextVar("agent", default="-")
"""The agent that is at work; `manage.py agents logs` finds its lines by it."""

holds_secret: ContextVar[bool] = ContextVar("holds_secret", default=False)
"""Whether a secret of somebody's is being worked on, which the words of an error might quote."""

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
    "core.db.engine": "WARNING",  # our pool, which logs as SQLAlchemy's does
    "sqlalchemy.pool": "WARNING",
    "tzlocal": "WARNING",
}


HIDDEN = "***"
MAX_WORDS = 500  # characters of an error's words
MIN_SECRET = 6  # characters; shorter ones stand in too many words
SECRET_NAME = re.compile("PASS|SECRET|TOKEN|KEY|CREDENTIAL", re.IGNORECASE)  # of a variable
# A token of ours or of Discord's, a key or code, a webhook's token, and the password in an address.
SECRET_LOOKING = re.compile(
    r"[\w-]{20,}\.[\w-]{6,}\.[\w-]{20,}|[\w-]{40,}|(?<=/webhooks/)\d+/[\w-]+"
    r"|(?<=://)[^/\s@:]*:[^/\s@]+(?=@)"
)


class _Words:
    """Whether the words of errors may be shown in this process, and what is left out of them."""

    shown = False
    secrets: Sequence[str] = ()


_words = _Words()


class ContextFilter(logging.Filter):
    """Put the agent and the request that are being worked on, on every line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add `agent` and `request_id`; keep every line."""
        record.agent = agent.get()
        record.request_id = request_id.get()
        return True


class QuietHandler(logging.StreamHandler[TextIO]):
    """Say once why lines can't be written, as on a full disk: not by a traceback for each."""

    _failed = _told = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; once one could be, what stops the next ones is said again."""
        self._failed = False
        super().emit(record)
        self._told = self._told and self._failed

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Tell what stops a line; a line that is wrong in itself is its developer's to see."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self._failed = True
        if not self._told:
            self._told = True
            with suppress(OSError):
                where = getattr(self, "baseFilename", "the error stream")
                sys.stderr.write(f"The log can't be written to {where}: {error.strerror}.\n")


class LogFile(QuietHandler, RotatingFileHandler):
    """A file that only its owner may read, rotated."""

    def _open(self) -> Any:  # noqa: ANN401 - the class above has a type of its own for it
        return open(self.baseFilename, self.mode, encoding=self.encoding, opener=private)


class PlainFormatter(logging.Formatter):
    """Plain lines, with the time in UTC as ISO 8601."""

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802
        """Return a traceback, with words in development alone."""
        return where_raised(ei[1]).rstrip()

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """Return the time of the line, to the millisecond."""
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def where_raised(error: BaseException | None) -> str:
    """Return a traceback, causes first, with the errors' words in development alone."""
    lines: list[str] = []
    while error is not None:
        last = _said(error) or type(error).__qualname__
        lines[:0] = [*traceback.format_tb(error.__traceback__), f"{last}\n"]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "".join(lines)


def for_developers(error: BaseException) -> str:
    """Return in one line an unexpected error and its place in the project; "" in production."""
    cause = error
    while is_own(cause) and cause.__cause__ is not None:  # the program's own words say less
        cause = cause.__cause__
    said, place = _said(cause), place_in_modules(error) or place_in_files(cause)
    return f"{said} ({place})" if said and place else said


def _said(error: BaseException) -> str:
    """Return an error's kind and words, bounded and without secrets; "" where nobody may see it."""
    if not _words.shown or holds_secret.get():
        return ""
    try:
        said = " ".join(str(getattr(error, "orig", None) or error).split())
    except Exception:
        said = "(its words can't be read)"
    for secret in _words.secrets:
        said = said.replace(secret, HIDDEN)
    said = SECRET_LOOKING.sub(HIDDEN, said)[:MAX_WORDS]
    said = "".join(letter if letter.isprintable() else " " for letter in said)
    return f"{type(error).__qualname__}: {said}" if said else type(error).__qualname__


def log_under(request: str | None, logger: logging.Logger, message: str, *values: object) -> None:
    """Write a line at INFO under the request that something goes back to, if that is known."""
    token = request_id.set(request or NO_REQUEST)
    try:
        logger.info(message, *values)
    finally:
        request_id.reset(token)


def _secrets_in(settings: Settings) -> Iterator[str]:
    """Yield what is kept secret in the settings and in variables, whole and by the entry."""
    secrets = {value for value in vars(settings).values() if isinstance(value, SecretStr)}
    found = {secret.get_secret_value() for secret in secrets}
    for name, value in (values_in(settings_file()) | os.environ).items():
        is_agents = any(fnmatchcase(name, allowed) for allowed in settings.agent_variables)
        if value and (is_agents or SECRET_NAME.search(name)):
            found.add(value)
    for secret in found:
        for one in {secret, *entries(secret)}:
            if len(one) >= MIN_SECRET:
                yield from {one, repr(one)[1:-1]}


def _json_formatter(*args: Any, **kwargs: Any) -> logging.Formatter:  # noqa: ANN401
    """Return a formatter that writes each line as JSON; its library is imported only then."""
    from pythonjsonlogger.json import JsonFormatter

    class Json(JsonFormatter):
        def formatException(self, exc_info: Any) -> str:  # noqa: ANN401, N802
            return where_raised(exc_info[1]).rstrip()

    return Json(*args, **kwargs)


def _leave_out_what_no_line_says() -> None:
    """Spare each line the search for its place, thread and process: Python's "Logging HOWTO"."""
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def configure_logging(settings: Settings) -> None:
    """Send the logs of this process where the settings say."""
    _leave_out_what_no_line_says()
    _words.shown = settings.app_env == "development"
    _words.secrets = sorted(_secrets_in(settings), key=len, reverse=True)
    handler: dict[str, Any] = {
        "()": QuietHandler,
        "formatter": settings.log_format,
        "filters": ["context"],
    }
    if settings.log_file:
        try:
            settings.log_file.parent.mkdir(parents=True, exist_ok=True)
            with open(settings.log_file, "a", opener=private):
                pass
        except OSError as error:
            raise ConfigError(f"{words_of(error)}; LOG_FILE says where the log is") from error
        handler |= {
            "()": LogFile,
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
                    "()": _json_formatter,
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
