"""Pages by the last row seen: however deep, a page costs what the first one does."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Dialect, and_, false, or_, tuple_

from core.where import Order

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
