"""How a value goes into a column, and how it comes out, the same on every database.

SQLAlchemy's types do most of it. On top: text is read as what the column holds, a time is UTC, and
what a database would cut, round or refuse in its own words is refused here, by the column's name.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Date, DateTime, Dialect, Float, Numeric, String, Time, Uuid
from sqlalchemy.types import TypeDecorator, TypeEngine

from core.errors import InvalidInput

SQLITE_DIGITS = 15  # of a decimal that SQLite keeps: https://sqlite.org/datatype3.html, section 3

Converter = Callable[[Any], Any]

FROM_TEXT: tuple[tuple[type[TypeEngine[Any]], Converter], ...] = (
    (Uuid, UUID),
    (DateTime, datetime.fromisoformat),
    (Date, date.fromisoformat),
    (Time, time.fromisoformat),
)


def binder(name: str, type_: TypeEngine[Any], dialect: Dialect) -> Converter:
    """Return the function that makes a value ready for the driver.

    It raises InvalidInput, with the column's name, for a value that the column can't hold.
    """
    native = _unwrapped(type_)
    steps = [
        *(from_text for kind, from_text in FROM_TEXT if isinstance(native, kind)),
    ]
    convert_text = steps[0] if steps else None
    limit = native.length if isinstance(native, String) else None
    process = _into(type_, native, dialect)

    def bind(value: Any) -> Any:  # noqa: ANN401 - any column's value
        if value is None:
            return None
        try:
            if isinstance(value, str):
                if convert_text:
                    value = convert_text(value)
                elif "\0" in value:
                    raise ValueError("the character NUL can't be stored")
                elif limit and len(value) > limit:
                    raise ValueError(f"at most {limit} characters, not {len(value)}")
            return process(value) if process else value
        except (TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise InvalidInput(f"{name}: {error}") from error

    return bind


def reader(type_: TypeEngine[Any], dialect: Dialect, driver_type: object) -> Converter | None:
    """Return the function that turns the driver's value into Python's, or None where they agree."""
    if dialect.name == "sqlite" and _is_decimal(type_):
        return _read_sqlite_decimal
    return type_.dialect_impl(dialect).result_processor(dialect, driver_type)


def _unwrapped(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    return type_.impl_instance if isinstance(type_, TypeDecorator) else type_


def _is_decimal(type_: TypeEngine[Any]) -> bool:
    return isinstance(type_, Numeric) and not isinstance(type_, Float) and type_.asdecimal


def _into(type_: TypeEngine[Any], native: TypeEngine[Any], dialect: Dialect) -> Converter | None:
    process = type_.dialect_impl(dialect).bind_processor(dialect)
    if dialect.name == "sqlite" and _is_decimal(type_):
        return _bind_sqlite_decimal
    if type_ is native and isinstance(type_, DateTime) and not type_.timezone:
        return lambda value: process(_naive(value)) if process else _naive(value)
    return process


def _naive(value: Any) -> Any:  # noqa: ANN401 - what is no time at all is the next step's to refuse
    """Drop the zone of a time that goes into a column without one; the hour is UTC's."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def _bind_sqlite_decimal(value: Any) -> str:  # noqa: ANN401 - int, float, Decimal or text
    number = Decimal(str(value))
    if len(number.as_tuple().digits) > SQLITE_DIGITS:
        raise ValueError(f"SQLite keeps {SQLITE_DIGITS} digits of a number")
    return str(number)


def _read_sqlite_decimal(value: Any) -> Decimal | None:  # noqa: ANN401 - int, float or text
    return None if value is None else Decimal(str(value))
