"""Which tables and columns there are: the program's own, and those that somebody made in SQL.

No name reaches SQL before it was found here.
"""

from typing import NamedTuple

from sqlalchemy import DateTime, Engine, MetaData, Table, event, inspect
from sqlalchemy.engine import Connection, Inspector

from core.errors import UnknownName
from core.tables import Moment, metadata


class KnownTable(NamedTuple):
    """A table, and the names of its columns."""

    table: Table
    columns: frozenset[str]


class Tables:
    """The tables of one database, by name."""

    def __init__(self) -> None:
        self._known: dict[str, KnownTable] = {}

    def get(self, name: str) -> KnownTable | None:
        """Return a table that was read before, or None."""
        return self._known.get(name)

    def read(self, name: str, bind: Engine | Connection) -> KnownTable:
        """Return a table as it is now; the program's own are as the program says.

        Raises UnknownName where there is none.
        """
        self._known.pop(name, None)
        table = metadata.tables.get(name)
        if table is None:
            table = _reflect(name, bind)
        self._known[name] = known = KnownTable(table, frozenset(table.columns.keys()))
        return known

    def forget(self) -> None:
        """Forget what was read, because something may have changed it."""
        self._known.clear()


def _reflect(name: str, bind: Engine | Connection) -> Table:
    inspector = inspect(bind)
    if name not in {*inspector.get_table_names(), *inspector.get_view_names()}:
        raise UnknownName(f"There is no table {name!r}.")
    foreign = MetaData()
    event.listen(foreign, "column_reflect", _keep_zones)
    return Table(name, foreign, autoload_with=bind, resolve_fks=False)


def _keep_zones(_inspector: Inspector, _table: Table, column: dict[str, object]) -> None:
    """Treat a column with a zone as the program's own tables do: aware, in UTC."""
    type_ = column["type"]
    if isinstance(type_, DateTime) and type_.timezone:
        column["type"] = Moment()
