"""SQL by shape: built and compiled by SQLAlchemy once, then run with ever new values."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect

from core.db.builders import BUILDERS, Places, Shape, selected
from core.db.dialects.base import Driver
from core.db.dialects.errors import DOES_NOT_FIT
from core.db.sql_log import log_sql
from core.db.types import Converter, binder, reader
from core.errors import InvalidInput

CACHED_SHAPES = 1000
REFUSED = (TypeError, ValueError, OverflowError)  # by the drivers' own checks of a value

Row = dict[str, Any]


class Statement:
    """One compiled statement: the driver's SQL, and how values go in and rows come out."""

    def __init__(self, shape: Shape, dialect: Dialect) -> None:
        places = Places(shape.table)
        compiled: Any = BUILDERS[shape.kind](shape, places, dialect).compile(dialect=dialect)
        self.sql = str(compiled)
        made: dict[tuple[str, Any], Converter] = {}  # one for all values of an IN
        for place in places.types.values():
            if place not in made:
                made[place] = binder(*place, dialect)
        self._binders = [made[place] for place in places.types.values()]
        # SQLite's dialect adds an OFFSET of 0 to a LIMIT, as a parameter of its own.
        own = {name: value for name, value in compiled.params.items() if name not in places.types}
        self._own_values = list(own.values())
        numbers = {name: number for number, name in enumerate([*places.types, *own])}
        self._positions = [numbers[name] for name in compiled.positiontup]
        self._dialect = dialect
        self._columns = selected(shape)
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
        fetched = self._execute(cursor, values).fetchall()
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
        return self._execute(cursor, values).fetchone()[0]

    def run(self, cursor: Any, values: Iterable[Any]) -> int:  # noqa: ANN401
        """Execute it on the driver's cursor; return the number that a new row was given, or 0."""
        return int(self._execute(cursor, values).lastrowid or 0)

    def insert_rows(self, cursor: Any, columns: Iterable[Iterable[Any]], driver: Driver) -> None:  # noqa: ANN401
        """Execute it on the driver's cursor for many rows, whose values are given by column."""
        bound = [map(bind, column) for bind, column in zip(self._binders, columns, strict=True)]
        rows = list(zip(*(bound[position] for position in self._positions), strict=True))
        log_sql(self.sql)
        try:
            driver.insert_rows(cursor, self.sql, rows)
        except REFUSED as error:
            raise InvalidInput(DOES_NOT_FIT) from error

    def _execute(self, cursor: Any, values: Iterable[Any]) -> Any:  # noqa: ANN401
        parameters = self.parameters(values)
        log_sql(self.sql)
        try:
            cursor.execute(self.sql, parameters)
        except REFUSED as error:
            raise InvalidInput(DOES_NOT_FIT) from error
        return cursor

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
