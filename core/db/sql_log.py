"""SQL in the log at DEBUG, without its values: they are people's own words."""

import logging
from typing import Any

from sqlalchemy import Engine, event

log = logging.getLogger("core.sql")


def log_sql(sql: str) -> None:
    """Write a statement that is about to run."""
    if log.isEnabledFor(logging.DEBUG):
        log.debug("%s", " ".join(sql.split()))


def log_statements_of(engine: Engine) -> None:
    """Write the statements that SQLAlchemy itself runs; costs nothing while they aren't wanted."""
    if not log.isEnabledFor(logging.DEBUG):
        return

    def write(_connection: object, _cursor: object, sql: str, *_: Any) -> None:  # noqa: ANN401
        log_sql(sql)

    event.listen(engine, "before_cursor_execute", write)
