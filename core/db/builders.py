"""The shapes that statements have, and the SQLAlchemy constructs they stand for.

A shape is all that decides the SQL: operation, table, columns, operators, order. It holds no value.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    Dialect,
    Integer,
    String,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import (
    Delete,
    Insert,
    ReturningDelete,
    ReturningInsert,
    ReturningUpdate,
    Update,
)
from sqlalchemy.sql.selectable import Select
from sqlalchemy.types import NullType, TypeEngine

from core.db.filters import Condition, Order
from core.errors import InvalidInput

COMPARES_ROWS_BY_INDEX = ("postgresql", "sqlite")

Place = ColumnElement[Any] | None


def nulls_first(order: Order, dialect: Dialect) -> bool:
    """Tell where the database puts NULL in this order."""
    if order.nulls:
        return order.nulls == "FIRST"
    return order.descending if dialect.name == "postgresql" else not order.descending


def following(
    order_by: Sequence[Order],
    columns: Sequence[Column[Any]],
    places: Sequence[Place],
    dialect: Dialect,
) -> ColumnElement[bool]:
    """Return the condition for the rows behind one whose order columns have these values.

    A place is None where that row has NULL.
    """
    keys = list(zip(order_by, columns, places, strict=True))
    plain = all(place is not None and not _nullable(column) for _, column, place in keys)
    one_way = len({order.descending for order in order_by}) == 1
    if plain and one_way and dialect.name in COMPARES_ROWS_BY_INDEX:
        return _beyond(order_by[0], tuple_(*columns), tuple_(*places))
    branches = []
    equal: list[ColumnElement[bool]] = []
    for order, column, place in keys:
        branches.append(and_(*equal, _behind(order, column, place, dialect)))
        equal.append(column.is_(None) if place is None else column.bool_op("=")(place))
    condition = or_(*branches)
    if plain:  # says the same again, in a way that an index can be used for
        order, column, place = keys[0]
        condition = and_(column.bool_op("<=" if order.descending else ">=")(place), condition)
    return condition


def _behind(
    order: Order, column: Column[Any], place: Place, dialect: Dialect
) -> ColumnElement[bool]:
    first = nulls_first(order, dialect)
    if place is None:
        return column.is_not(None) if first else false()
    beyond = _beyond(order, column, place)
    return or_(beyond, column.is_(None)) if _nullable(column) and not first else beyond


def _beyond(
    order: Order, here: ColumnElement[Any], place: ColumnElement[Any]
) -> ColumnElement[bool]:
    return here < place if order.descending else here > place


def _nullable(column: Column[Any]) -> bool:
    return bool(column.nullable) and not column.primary_key


Built = (
    Select[Any]
    | Insert
    | Update
    | Delete
    | ReturningInsert[Any]
    | ReturningUpdate[Any]
    | ReturningDelete[Any]
)


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
    columns: tuple[str, ...] = ()  # of a select: those that are wanted; none: all
    after: tuple[bool, ...] = ()  # of a page: for each order column, whether it has a value
    lock: str = ""  # of a select: one of LOCKS


def _comparison(operator: str) -> Callable[..., ColumnElement[bool]]:
    """Return the operator as it is written; whether it suits the type is the database's to say."""
    return lambda column, value: cast(ColumnElement[bool], column.bool_op(operator)(value))


LOCKS = ("update", "skip locked")
KEYS = "KEYS"  # not a caller's operator: the rows that have these primary keys

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
            if operator == KEYS:
                found.append(self._keys(count))
                continue
            column = self._table.columns[name]
            if operator in ("LIKE", "ILIKE") and not isinstance(column.type, String | NullType):
                raise InvalidInput(f"{name}: {operator} is for text.")
            values = [self.add(name, column.type) for _ in range(count)]
            found.append(CONDITIONS[operator](column, *values))
        return found

    def _keys(self, rows: int) -> ColumnElement[bool]:
        key = self._table.primary_key.columns
        places = [tuple_(*(self.add(one.name, one.type) for one in key)) for _ in range(rows)]
        return tuple_(*key).in_(places)

    def assignments(self, changed: Iterable[str]) -> dict[str, ColumnElement[Any]]:
        """Return a place for the new value of each column."""
        return {name: self.add(name, self._table.columns[name].type) for name in changed}


def _select(shape: Shape, places: Places, dialect: Dialect) -> Built:
    columns = shape.table.columns
    statement = select(*selected(shape)).where(*places.conditions(shape.where))
    ordered = [columns[order.column] for order in shape.order_by]
    if shape.after:
        last = [
            places.add(column.name, column.type) if has_value else None
            for column, has_value in zip(ordered, shape.after, strict=True)
        ]
        statement = statement.where(following(shape.order_by, ordered, last, dialect))
    for order, column in zip(shape.order_by, ordered, strict=True):
        statement = statement.order_by(*_order(order, column, dialect))
    if shape.limited:
        statement = statement.limit(places.add("limit", Integer()))
    if shape.skipping:
        statement = statement.offset(places.add("offset", Integer()))
    return (
        statement.with_for_update(skip_locked=shape.lock == "skip locked")
        if shape.lock
        else statement
    )


def selected(shape: Shape) -> Sequence[Column[Any]]:
    """Return the columns that the rows of a statement have."""
    return [shape.table.columns[name] for name in shape.columns] or tuple(shape.table.columns)


def _order(order: Order, column: Column[Any], dialect: Dialect) -> list[ColumnElement[Any]]:
    direction = column.desc() if order.descending else column.asc()
    if not order.nulls:
        return [direction]
    first = order.nulls == "FIRST"
    if dialect.name == "mysql":  # it has no words for it
        return [column.is_not(None) if first else column.is_(None), direction]
    return [direction.nulls_first() if first else direction.nulls_last()]


def _count(shape: Shape, places: Places, _dialect: Dialect) -> Built:
    found = select(func.count()).select_from(shape.table)
    return found.where(*places.conditions(shape.where))


def _exists(shape: Shape, places: Places, _dialect: Dialect) -> Built:
    return select(exists().select_from(shape.table).where(*places.conditions(shape.where)))


def _insert(shape: Shape, places: Places, _dialect: Dialect) -> Built:
    values = places.assignments(shape.changed)
    return insert(shape.table).values(values).returning(*shape.table.columns)


def _insert_only(shape: Shape, places: Places, _dialect: Dialect) -> Built:
    return insert(shape.table).values(places.assignments(shape.changed)).inline()


def _upsert(shape: Shape, places: Places, dialect: Dialect) -> Built:
    own_insert = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    statement = own_insert(shape.table).values(places.assignments(shape.changed))
    return statement.on_conflict_do_update(
        index_elements=shape.conflict,
        set_={name: statement.excluded[name] for name in shape.replaced},
    ).returning(*shape.table.columns)


def _update_only(shape: Shape, places: Places, _dialect: Dialect) -> Update:
    values = places.assignments(shape.changed)
    return update(shape.table).values(values).where(*places.conditions(shape.where))


def _update(shape: Shape, places: Places, dialect: Dialect) -> Built:
    return _update_only(shape, places, dialect).returning(*shape.table.columns)


def _delete_only(shape: Shape, places: Places, _dialect: Dialect) -> Delete:
    return delete(shape.table).where(*places.conditions(shape.where))


def _delete(shape: Shape, places: Places, dialect: Dialect) -> Built:
    return _delete_only(shape, places, dialect).returning(*shape.table.columns)


BUILDERS: dict[str, Callable[[Shape, Places, Dialect], Built]] = {
    "select": _select,
    "count": _count,
    "exists": _exists,
    "insert": _insert,
    "insert_only": _insert_only,
    "upsert": _upsert,
    "update": _update,
    "update_only": _update_only,
    "delete": _delete,
    "delete_only": _delete_only,
}
