"""How a change tells other processes at once that there is something to do earlier than planned.

On PostgreSQL a note is part of the transaction that makes the change, and arrives when that
commits. Other databases have nothing like it: there they look every WAKE_INTERVAL.
"""

import select
from collections.abc import Generator
from contextlib import closing
from typing import Any, Literal, get_args

from core.db.dialects.errors import driver_errors
from core.db.engine import get_database

Topic = Literal["reminders", "deliveries", "chat messages", "chat events"]

CHANNEL = "wakeups"
PATIENCE = 0.2  # seconds between two looks whether to go on waiting


def wake(topic: Topic) -> None:
    """Have those who listen look at their reminders, deliveries or chats once this is committed."""
    database = get_database()
    if database.dialect == "postgresql":
        database.run(_notify, topic)


def _notify(cursor: Any, topic: Topic) -> None:  # noqa: ANN401 - the driver's own
    cursor.execute("SELECT pg_notify(%s, %s)", (CHANNEL, topic))


def can_listen() -> bool:
    """Tell whether changes wake those who listen."""
    return get_database().dialect == "postgresql"


def listen() -> Generator[str | None]:
    """Yield each topic once, then as it comes, and None several times a second in between.

    Has a connection of its own, closed with the iterator. Raises Unavailable where that is lost.
    """
    database = get_database()
    dialect = database.engine.dialect
    arguments, options = dialect.create_connect_args(database.engine.url)
    options = {**options, **database.connect_arguments}
    with driver_errors(), closing(dialect.connect(*arguments, **options)) as own:
        connection: Any = own
        database.driver.set_up(connection)
        connection.cursor().execute(f"LISTEN {CHANNEL}")
        yield from get_args(Topic)  # what came before is not told
        while True:
            if not any(select.select([connection], [], [], PATIENCE)):
                yield None
            connection.poll()
            while connection.notifies:
                yield connection.notifies.pop(0).payload
