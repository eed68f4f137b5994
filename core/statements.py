"""SQL by shape: built and compiled by SQLAlchemy once, then run with ever new values.

A shape is all that decides the SQL: operation, table, columns, operators, order. It holds no value.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    ColumnElement,
    Dialect,
    Integer,
    String,
    Table,
    bindparam,
    delete,
    exists,
    false,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert, ReturningDelete, ReturningInsert, ReturningUpdate
from sqlalchemy.sql.selectable import Select
from sqlalchemy.types import NullType, TypeEngine

from core.driver_errors import DOES_NOT_FIT
from core.drivers import Driver
from core.errors import InvalidInput
from core.values import Converter, binder, reader
from core.where import Condition, Order

CACHED_SHAPES = 1000
REFUSED = (TypeError, ValueError, OverflowError)  # by the drivers' own checks of a value

Row = dict[str, Any]
Built = Select[Any] | Insert | ReturningInsert[Any] | ReturningUpdate[Any] | ReturningDelete[Any]


class Shape(NamedTuple):
    """All that decides the SQL of one statement."""

    kind: str  # a key of BUILDERS
    table: Table
    where: tuple[Condition, ...] = ()
    changed: tuple[str, ...] = ()  # columns that get a value
    conflict: tuple[str, ...] = ()  # of an upsert: the columns that tell one row from another
    replaced: tuple[str, ...] = ()  # of an upsert: the columns that an existing row takes over
    order_by: tuple[Order, ...] = ()
    limited: bool = False
    skipping: bool = False


def _comparison(operator: str) -> Callable[..., ColumnElement[bool]]:
    """Return the operator as it is written; whether it suits the type is the database's to say."""
    return lambda column, value: cast(ColumnElement[bool], column.bool_op(operator)(value))


CONDITIONS: dict[str, Callable[..., ColumnElement[bool]]] = {
    "=": _comparison("="),
    "!=": _comparison("!="),
    "<": _comparison("<"),
    ">": _comparison(">"),
    "<=": _comparison("<="),
    ">=": _comparison(">="),
    # Without a word on it, a backslash escapes on one database and not on the other.
    "LIKE": lambda column, pattern: column.like(pattern, escape="\\"),
    "ILIKE": lambda column, pattern: column.ilike(pattern, escape="\\"),
    "IN": lambda column, *values: column.in_(values) if values else false(),
    "IS NULL": lambda column: column.is_(None),
    "IS NOT NULL": lambda column: column.is_not(None),
    "IS TRUE": lambda column: column.is_(True),
    "IS NOT TRUE": lambda column: column.is_not(True),
    "IS FALSE": lambda column: column.is_(False),
    "IS NOT FALSE": lambda column: column.is_not(False),
}


class Places:
    """The places for values in one statement, in the order in which the values are given."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._prefix = "v"
        while any(name.startswith(self._prefix) for name in table.columns.keys()):  # noqa: SIM118
            self._prefix += "_"  # SQLAlchemy keeps the names of columns for itself
        self.types: dict[str, tuple[str, TypeEngine[Any]]] = {}

    def add(self, label: str, type_: TypeEngine[Any]) -> ColumnElement[Any]:
        """Add a place for a value of this type; errors about it call it by the label."""
        name = f"{self._prefix}{len(self.types)}"
        self.types[name] = label, type_
        return bindparam(name, type_=type_)

    def conditions(self, where: Iterable[Condition]) -> list[ColumnElement[bool]]:
        """Return the conditions of a where, with a place for each of their values."""
        found = []
        for name, operator, count in where:
            column = self._table.columns[name]
            if operator in ("LIKE", "ILIKE") and not isinstance(column.type, String | NullType):
                raise InvalidInput(f"{name}: {operator} is for text.")
            values = [self.add(name, column.type) for _ in range(count)]
            found.append(CONDITIONS[operator](column, *values))
        return found

    def assignments(self, changed: Iterable[str]) -> dict[str, ColumnElement[Any]]:
        """Return a place for the new value of each column."""
        return {name: self.add(name, self._table.columns[name].type) for name in changed}


def _select(shape: Shape, places: Places, _dialect: Dialect) -> Built:
    columns = shape.table.columns
    statement = select(*columns).where(*places.conditions(shape.where))
    for name, descending, nulls in shape.order_by:
        order = columns[name].desc() if descending else columns[name].asc()
        if nulls:
            order = order.nulls_first() if nulls == "FIRST" else order.nulls_last()
        statement = statement.order_by(order)
    if shape.limited:
        statement = statement.limit(places.add("limit", Integer()))
    if shape.skipping:
        statement = statement.offset(places.add("offset", Integer()))
    return statement


def _count(shape: Shape, places: Places, _dialect: Dialect) -> Built:
    found = select(func.count()).select_from(shape.table)
    return found.where(*places.conditions(shape.where))


def _exists(shape: Shape, places: Places, _dialect: Dialect) -> Built:
    return select(exists().select_from(shape.table).where(*places.conditions(shape.where)))


def _insert(shape: Shape, places: Places, _dialect: Dialect) -> Built:
    values = places.assignments(shape.changed)
    return insert(shape.table).values(values).returning(*shape.table.columns)


def _insert_many(shape: Shape, places: Places, _dialect: Dialect) -> Built:
    return insert(shape.table).values(places.assignments(shape.changed)).inline()


def _upsert(shape: Shape, places: Places, dialect: Dialect) -> Built:
    own_insert = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    statement = own_insert(shape.table).values(places.assignments(shape.changed))
    return statement.on_conflict_do_update(
        index_elements=shape.conflict,
        set_={name: statement.excluded[name] for name in shape.replaced},
    ).returning(*shape.table.columns)


def _update(shape: Shape, places: Places, _dialect: Dialect) -> Built:
    values = places.assignments(shape.changed)
    statement = update(shape.table).values(values).where(*places.conditions(shape.where))
    return statement.returning(*shape.table.columns)


def _delete(shape: Shape, places: Places, _dialect: Dialect) -> Built:
    statement = delete(shape.table).where(*places.conditions(shape.where))
    return statement.returning(*shape.table.columns)


BUILDERS: dict[str, Callable[[Shape, Places, Dialect], Built]] = {
    "select": _select,
    "count": _count,
    "exists": _exists,
    "insert": _insert,
    "insert_many": _insert_many,
    "upsert": _upsert,
    "update": _update,
    "delete": _delete,
}


class Statement:
    """One compiled statement: the driver's SQL, and how values go in and rows come out."""

    def __init__(self, shape: Shape, dialect: Dialect) -> None:
        places = Places(shape.table)
        compiled: Any = BUILDERS[shape.kind](shape, places, dialect).compile(dialect=dialect)
        self.sql = str(compiled)
        self._binders = [binder(label, type_, dialect) for label, type_ in places.types.values()]
        # SQLite's dialect adds an OFFSET of 0 to a LIMIT, as a parameter of its own.
        own = {name: value for name, value in compiled.params.items() if name not in places.types}
        self._own_values = list(own.values())
        names = [*places.types, *own]
        self._positions = [names.index(name) for name in compiled.positiontup]
        self._dialect = dialect
        self._columns = tuple(shape.table.columns)
        self._names = tuple(column.name for column in self._columns)
        self._readers: list[tuple[str, Converter]] | None = None

    def parameters(self, values: Iterable[Any]) -> list[Any]:
        """Return the values as the driver takes them. Raises InvalidInput for one that can't be."""
        bound = [bind(value) for bind, value in zip(self._binders, values, strict=True)]
        bound += self._own_values
        return [bound[position] for position in self._positions]

    def rows(self, cursor: Any, values: Iterable[Any]) -> list[Row]:  # noqa: ANN401
        """Execute it on the driver's cursor and return every row."""
        names = self._names
        fetched = self._execute(cursor, values)
        rows = [dict(zip(names, row, strict=True)) for row in fetched]
        if rows:
            if self._readers is None:
                self._readers = self._make_readers(cursor.description)
            for name, read in self._readers:
                for row in rows:
                    row[name] = read(row[name])
        return rows

    def scalar(self, cursor: Any, values: Iterable[Any]) -> Any:  # noqa: ANN401 - any value
        """Execute it on the driver's cursor and return the one value that it has."""
        return self._execute(cursor, values)[0][0]

    def insert_rows(self, cursor: Any, columns: Iterable[Iterable[Any]], driver: Driver) -> None:  # noqa: ANN401
        """Execute it on the driver's cursor for many rows, whose values are given by column."""
        bound = [map(bind, column) for bind, column in zip(self._binders, columns, strict=True)]
        rows = list(zip(*(bound[position] for position in self._positions), strict=True))
        try:
            driver.insert_rows(cursor, self.sql, rows)
        except REFUSED as error:
            raise InvalidInput(DOES_NOT_FIT) from error

    def _execute(self, cursor: Any, values: Iterable[Any]) -> Any:  # noqa: ANN401
        parameters = self.parameters(values)
        try:
            cursor.execute(self.sql, parameters)
        except REFUSED as error:
            raise InvalidInput(DOES_NOT_FIT) from error
        return cursor.fetchall()

    def _make_readers(self, description: Sequence[Any]) -> list[tuple[str, Converter]]:
        readers = []
        for column, described in zip(self._columns, description, strict=True):
            read = reader(column.type, self._dialect, described[1])
            if read:
                readers.append((column.name, read))
        return readers


@lru_cache(maxsize=CACHED_SHAPES)
def statement_for(shape: Shape, dialect: Dialect) -> Statement:
    """Return the compiled statement of a shape."""
    return Statement(shape, dialect)
