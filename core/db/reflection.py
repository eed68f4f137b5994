"""Which tables and columns there are: the program's own, and those that somebody made in SQL.

No name reaches SQL before it was found here.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from copy import copy
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    NUMERIC,
    Boolean,
    DateTime,
    Double,
    Engine,
    MetaData,
    Numeric,
    Table,
    Uuid,
    event,
    inspect,
    text,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Connection, Inspector
from sqlalchemy.types import NullType

from core.errors import UnknownName
from core.tables import DashedUuid, Moment, metadata

# Any word is a column's type in SQLite; SQLAlchemy takes those it does not know for numbers.
SQLITE_TYPES = {
    "UUID": DashedUuid,
    "TIMESTAMPTZ": Moment,
    "TIMESTAMP WITH TIME ZONE": Moment,
    "DECIMAL": Numeric,
    "NUMERIC": Numeric,
}


MARIADB_JSON = re.compile(r"json_valid\([`\"](.+)[`\"]\)")

Makers = Mapping[str, Callable[[], Any]]


class KnownTable(NamedTuple):
    """A table, and what is asked of it again and again."""

    table: Table
    columns: frozenset[str]
    key: tuple[str, ...]  # the columns of the primary key
    defaults: Makers  # what the program fills into a new row
    renewals: Makers  # what it fills into a row that changes


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
        self._known[name] = known = KnownTable(
            table,
            frozenset(table.columns.keys()),
            tuple(table.primary_key.columns.keys()),
            _makers(table, "default"),
            _makers(table, "onupdate"),
        )
        return known

    def forget(self) -> None:
        """Forget what was read, because something may have changed it."""
        self._known.clear()


def _makers(table: Table, kind: str) -> Makers:
    """Return what makes each column's value in Python; what SQL makes, SQLAlchemy writes itself."""
    makers: dict[str, Callable[[], Any]] = {}
    for column in table.columns:
        default = getattr(column, kind)
        if default is not None and default.is_callable:
            makers[column.name] = partial(default.arg, None)
        elif default is not None and default.is_scalar:
            makers[column.name] = partial(copy, default.arg)
    return makers


def table_names(bind: Engine | Connection) -> set[str]:
    """Return the names of the tables and views that the database has."""
    inspector = inspect(bind)
    return {*inspector.get_table_names(), *inspector.get_view_names()}


def _reflect(name: str, bind: Engine | Connection) -> Table:
    if name not in table_names(bind):
        raise UnknownName(f"There is no table {name!r}.")
    foreign = MetaData()
    event.listen(foreign, "column_reflect", _choose_type)
    table = Table(name, foreign, autoload_with=bind, resolve_fks=False)
    if getattr(bind.dialect, "is_mariadb", False):
        for column in _json_columns(name, bind):
            table.columns[column].type = JSON()
    for key in table.foreign_keys:
        referred, _, name = key.target_fullname.rpartition(".")
        known = metadata.tables.get(referred)
        if known is not None and isinstance(known.columns[name].type, Uuid):
            key.parent.type = Uuid()  # whatever text it was declared as
    return table


def _choose_type(inspector: Inspector, _table: Table, column: dict[str, object]) -> None:
    type_ = column["type"]
    if isinstance(type_, DateTime) and type_.timezone:
        column["type"] = Moment()  # as in the program's own tables: aware, in UTC
    elif inspector.dialect.name == "sqlite" and type(type_) is NUMERIC:
        column["type"] = NullType()  # a word that nobody knows
    elif isinstance(type_, mysql.TINYINT) and type_.display_width == 1:
        column["type"] = Boolean()  # what BOOLEAN is short for
    elif isinstance(type_, mysql.TIMESTAMP):
        column["type"] = Moment()  # unlike DATETIME it is a point in time
    elif isinstance(type_, mysql.DOUBLE | mysql.FLOAT):
        column["type"] = Double()  # a float, where SQLAlchemy would make a Decimal of it


def _json_columns(name: str, bind: Engine | Connection) -> set[str]:
    """Return the columns declared as JSON in MariaDB, which makes them checked text."""
    query = text(
        "SELECT check_clause FROM information_schema.check_constraints "
        "WHERE constraint_schema = DATABASE() AND table_name = :name"
    )
    with nullcontext(bind) if isinstance(bind, Connection) else bind.connect() as connection:
        clauses = connection.execute(query, {"name": name}).scalars().all()
    return {found[1] for clause in clauses if (found := MARIADB_JSON.fullmatch(clause))}
