"""What callers say in dicts and strings, read strictly: conditions and orders."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from core.errors import InvalidInput, UnknownName

COMPARISONS = ("=", "!=", "<", ">", "<=", ">=", "LIKE", "ILIKE")
CACHED_ORDERS = 500
PADDED_TO = 1024
CONSTANTS = {None: "NULL", True: "TRUE", False: "FALSE"}
ORDER = re.compile(r"(.+?)(?:\s+(ASC|DESC))?(?:\s+NULLS\s+(FIRST|LAST))?", re.IGNORECASE)

Value = TypeVar("Value")


class Condition(NamedTuple):
    """One condition: a column, an operator, and how many values it takes."""

    column: str
    operator: str
    values: int


class Order(NamedTuple):
    """One column to order by."""

    column: str
    descending: bool
    nulls: str  # FIRST, LAST, or empty for the database's own way


def read_where(where: Mapping[str, Any]) -> tuple[tuple[Condition, ...], list[Any]]:
    """Return the conditions of a where and, apart from them, their values.

    Raises UnknownName for an operator that does not exist, InvalidInput for anything else.
    """
    if not isinstance(where, Mapping):
        raise InvalidInput(f"A where is a dict, not {type(where).__name__}.")
    conditions = []
    values: list[Any] = []
    for column, wanted in where.items():
        if wanted is not None and not isinstance(wanted, tuple):  # by far the most frequent
            conditions.append(Condition(column, "=", 1))
            values.append(wanted)
        else:
            condition, own = _read_condition(column, wanted)
            conditions.append(condition)
            values += own
    return tuple(conditions), values


def read_order(order_by: str | Sequence[str] | None) -> tuple[Order, ...]:
    """Return the columns to order by: "name", "name DESC", "name ASC NULLS LAST", or a list."""
    texts = [order_by] if isinstance(order_by, str) else order_by or ()
    return tuple(map(_read_order, texts))


def padded(values: list[Value]) -> list[Value]:
    """Return a list for IN with its last value repeated, so that few lengths have to be compiled.

    They are the powers of two up to PADDED_TO, and its multiples.
    """
    size = len(values)
    wanted = 1 << max(0, size - 1).bit_length()
    if wanted > PADDED_TO:
        wanted = -(-size // PADDED_TO) * PADDED_TO
    return values + values[-1:] * (wanted - size)


def _read_condition(column: str, wanted: tuple[Any, ...] | None) -> tuple[Condition, list[Any]]:
    pair = ("=", None) if wanted is None else wanted
    if len(pair) != 2 or not isinstance(pair[0], str):
        raise InvalidInput(f"{column}: a condition is a value or a pair (operator, value).")
    operator, value = " ".join(pair[0].upper().split()), pair[1]
    if value is None and operator in ("=", "!="):
        operator = "IS" if operator == "=" else "IS NOT"
    if operator in ("IS", "IS NOT"):
        if value is not None and not isinstance(value, bool):
            raise InvalidInput(f"{column}: {operator} takes None, True or False.")
        return Condition(column, f"{operator} {CONSTANTS[value]}", 0), []
    if operator == "IN":
        if not isinstance(value, list | tuple | set | frozenset):
            raise InvalidInput(f"{column}: IN takes a list.")
        values = padded(list(value))
        return Condition(column, operator, len(values)), values
    if operator not in COMPARISONS:
        raise UnknownName(f"{column}: there is no operator {pair[0]!r}.")
    return Condition(column, operator, 1), [value]


def _read_order(text: str) -> Order:
    order = _parsed_order(text) if isinstance(text, str) else None
    if order is None:
        raise UnknownName(f"order_by: a column and ASC or DESC, not {text!r}.")
    return order


@lru_cache(CACHED_ORDERS)
def _parsed_order(text: str) -> Order | None:
    match = ORDER.fullmatch(text.strip())
    if match is None:
        return None
    column, direction, nulls = match.groups(default="")
    return Order(column, direction.upper() == "DESC", nulls.upper())
