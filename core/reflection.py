"""Which tables and columns there are: the program's own, and those that somebody made in SQL.

No name reaches SQL before it was found here.
"""

from sqlalchemy import DateTime, Engine, MetaData, Table, event, inspect
from sqlalchemy.engine import Connection, Inspector

from core.errors import UnknownName
from core.tables import Moment, metadata


class Tables:
    """The tables of one database, looked up by name."""

    def __init__(self) -> None:
        self._reflected: dict[str, Table] = {}

    def get(self, name: str, bind: Engine | Connection) -> Table:
        """Return the table; one that is not the program's own is read from the database once.

        Raises UnknownName where there is none.
        """
        table = metadata.tables.get(name)
        if table is None:
            table = self._reflected.get(name)
        return table if table is not None else self._reflect(name, bind)

    def refresh(self, name: str, bind: Engine | Connection) -> Table:
        """Return the table as it is now: only the program's own tables are known for good."""
        return metadata.tables[name] if name in metadata.tables else self._reflect(name, bind)

    def forget(self) -> None:
        """Forget what was read, because something may have changed it."""
        self._reflected = {}

    def _reflect(self, name: str, bind: Engine | Connection) -> Table:
        self._reflected.pop(name, None)
        if not isinstance(name, str) or name not in _names(inspect(bind)):
            raise UnknownName(f"There is no table {name!r}.")
        foreign = MetaData()
        event.listen(foreign, "column_reflect", _keep_zones)
        table = Table(name, foreign, autoload_with=bind, resolve_fks=False)
        self._reflected[name] = table
        return table


def _names(inspector: Inspector) -> set[str]:
    return {*inspector.get_table_names(), *inspector.get_view_names()}


def _keep_zones(_inspector: Inspector, _table: Table, column: dict[str, object]) -> None:
    """Treat a column with a zone as the program's own tables do: aware, in UTC."""
    type_ = column["type"]
    if isinstance(type_, DateTime) and type_.timezone:
        column["type"] = Moment()
