"""How a change tells the scheduler at once that there is something to do earlier than it thought.

On PostgreSQL a note is part of the transaction that makes the change, and arrives when that
commits. Other databases have nothing like it: there the scheduler looks every WAKE_INTERVAL.
"""

import select
from collections.abc import Iterator
from typing import Any, Literal

from core.database import Database, get_database
from core.driver_errors import driver_errors

Topic = Literal["reminders", "deliveries"]

CHANNEL = "wakeups"
PATIENCE = 0.5  # seconds between two looks whether to go on waiting


def wake(topic: Topic) -> None:
    """Have the schedulers look at their reminders or deliveries once this is committed."""
    database = get_database()
    if database.dialect == "postgresql":
        database.run(_notify, topic)


def _notify(cursor: Any, topic: Topic) -> None:  # noqa: ANN401 - the driver's own
    cursor.execute("SELECT pg_notify(%s, %s)", (CHANNEL, topic))


def can_listen(database: Database) -> bool:
    """Tell whether changes wake those who listen."""
    return database.dialect == "postgresql"


def listen(database: Database) -> Iterator[str | None]:
    """Yield each topic as it comes, and None twice a second in which none does.

    Has a connection of its own, closed with the iterator. Raises Unavailable where that is lost.
    """
    with driver_errors(), database.engine.connect() as own:
        own.detach()  # from the pool, which may lend as many others
        connection: Any = own.connection.dbapi_connection
        connection.cursor().execute(f"LISTEN {CHANNEL}")
        while True:
            if not any(select.select([connection], [], [], PATIENCE)):
                yield None
            connection.poll()
            while connection.notifies:
                yield connection.notifies.pop(0).payload
