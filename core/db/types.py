"""How a value goes into a column, and how it comes out, the same on every database.

SQLAlchemy's types convert. Before them, text is read as what the column holds, and what one
database would cut, round or store as something else is refused on all, by the column's name.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Date,
    DateTime,
    Dialect,
    Enum,
    Float,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Time,
    Uuid,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from core.errors import InvalidInput
from core.tables import Moment

SQLITE_DIGITS = 15  # of a decimal that SQLite keeps: https://sqlite.org/datatype3.html, section 3

Converter = Callable[[Any], Any]


class Kind(NamedTuple):
    """What a column holds: the Python types, how they are read from text, and their name."""

    types: tuple[type, ...]
    from_text: Converter | None
    name: str


# The first that fits, so that the narrower stands before the wider.
KINDS: tuple[tuple[type[TypeEngine[Any]], Kind], ...] = (
    (Uuid, Kind((UUID,), UUID, "a UUID")),
    (DateTime, Kind((datetime,), datetime.fromisoformat, "a time like 2030-01-31T17:00:00+01:00")),
    (Date, Kind((date,), date.fromisoformat, "a date like 2030-01-31")),
    (Time, Kind((time,), time.fromisoformat, "a time of day like 17:00")),
    (Boolean, Kind((bool,), None, "true or false")),
    (Integer, Kind((int,), int, "a whole number")),
    (Float, Kind((float, int, Decimal), float, "a number")),
    (Numeric, Kind((Decimal, int, float), Decimal, "a number")),
    (LargeBinary, Kind((bytes, bytearray, memoryview), None, "bytes")),
    (String, Kind((str,), None, "text")),
)
FREE = (Enum, TypeDecorator)  # they check for themselves


def as_uuid(written: UUID | str) -> UUID | None:
    """Return a UUID however it is written, or None for a text that is none."""
    try:
        return written if isinstance(written, UUID) else UUID(str(written))
    except ValueError:
        return None


def binder(column: str, type_: TypeEngine[Any], dialect: Dialect) -> Converter:
    """Return the function that makes a value ready for the driver.

    It raises InvalidInput, with the column's name, for a value that the column can't hold.
    """
    kind = _kind(type_)
    check = _checker(type_, kind)
    process = _processor(type_, dialect)

    def bind(value: Any) -> Any:  # noqa: ANN401 - any column's value
        if value is None:
            return None
        try:
            if kind is not None and type(value) is not kind.types[0]:
                value = _converted(value, kind)
            if check is not None:
                check(value)
            return process(value) if process is not None else value
        except (TypeError, ValueError, ArithmeticError) as error:
            raise InvalidInput(f"{column} can't take this value: {error}.") from error

    return bind


def reader(type_: TypeEngine[Any], dialect: Dialect, driver_type: object) -> Converter | None:
    """Return the function that turns the driver's value into Python's, or None where they agree."""
    if _is_sqlite_decimal(type_, dialect):
        return _read_sqlite_decimal
    return type_.dialect_impl(dialect).result_processor(dialect, driver_type)


def _kind(type_: TypeEngine[Any]) -> Kind | None:
    if isinstance(type_, Moment):
        type_ = type_.impl_instance
    if isinstance(type_, FREE):
        return None
    return next((kind for native, kind in KINDS if isinstance(type_, native)), None)


def _converted(value: Any, kind: Kind) -> Any:  # noqa: ANN401 - any value
    if isinstance(value, str) and kind.from_text:
        try:
            return kind.from_text(value)
        except (ValueError, ArithmeticError):
            raise ValueError(f"it has to be {kind.name}") from None
    if not isinstance(value, kind.types) or (isinstance(value, bool) and bool not in kind.types):
        raise TypeError(f"it has to be {kind.name}, not {type(value).__name__}")
    return value


def _checker(type_: TypeEngine[Any], kind: Kind | None) -> Callable[[Any], None] | None:
    """Return what refuses a value of the right type all the same."""
    longest = type_.length if isinstance(type_, String) else None

    def check_text(value: str) -> None:
        if "\0" in value:
            raise ValueError("it has the character NUL in it")
        if longest and len(value) > longest:
            raise ValueError(f"it has {len(value)} characters, and {longest} are possible")

    def check_number(value: float | Decimal) -> None:
        if value != value:
            raise ValueError("it is not a number")

    if kind is None:
        return None
    return check_text if str in kind.types else check_number if float in kind.types else None


def _processor(type_: TypeEngine[Any], dialect: Dialect) -> Converter | None:
    if _is_sqlite_decimal(type_, dialect):
        return _bind_sqlite_decimal
    process = type_.dialect_impl(dialect).bind_processor(dialect)
    if isinstance(type_, DateTime) and not type_.timezone:
        return lambda value: process(_naive(value)) if process else _naive(value)
    return process


def _naive(value: datetime) -> datetime:
    """Drop the zone of a time for a column that keeps none; the hour is UTC's."""
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def _is_sqlite_decimal(type_: TypeEngine[Any], dialect: Dialect) -> bool:
    return dialect.name == "sqlite" and isinstance(type_, Numeric) and type_.asdecimal


def _bind_sqlite_decimal(value: Decimal | float) -> str:
    number = Decimal(str(value))
    if len(number.as_tuple().digits) > SQLITE_DIGITS:
        raise ValueError(f"SQLite keeps {SQLITE_DIGITS} digits of a number")
    return str(number)


def _read_sqlite_decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))
