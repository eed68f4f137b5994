"""Values come back as they went in, or are refused by the name of their column."""

import math
import pickle
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.db.dialects.base import read_uuid
from core.db.engine import Database
from core.db.filters import COMPARISONS
from core.errors import InvalidInput, UnknownName
from core.postgres import (
    count,
    delete,
    execute,
    exists,
    insert,
    insert_many,
    select,
    select_one,
    update,
)
from core.tables import metadata
from tests.support.databases import on_postgresql, on_sqlite

EAST = timezone(timedelta(hours=5, minutes=30))
FIRST_MOMENT = datetime(1, 1, 2, tzinfo=UTC)
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(st.uuids(allow_nil=True))
def test_a_uuid_of_postgresql_is_like_any_other(one: UUID) -> None:
    read = read_uuid(str(one), None)
    assert read == one
    assert (hash(read), str(read), repr(read), read.is_safe) == (
        *(hash(one), str(one), repr(one), one.is_safe),
    )
    assert pickle.loads(pickle.dumps(read)) == one  # noqa: S301
    assert read_uuid(None, None) is None


@pytest.fixture(autouse=True)
def things(database: Database) -> None:
    """A table with a column of every kind, made in plain SQL."""
    bytes_, json = ("BYTEA", "JSONB") if database.dialect == "postgresql" else ("BLOB", "JSON")
    local, moment, hour = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIME")
    if database.dialect == "mysql":
        local, moment, hour = ("DATETIME(6)", "TIMESTAMP(6) NULL", "TIME(6)")
    execute(
        "CREATE TABLE things (id UUID PRIMARY KEY, text TEXT, short VARCHAR(5), whole BIGINT, "
        f'"real" DOUBLE PRECISION, exact NUMERIC(12, 3), flag BOOLEAN, raw {bytes_}, json {json}, '
        f"local {local}, moment {moment}, day DATE, hour {hour})"
    )


def kept(**values: object) -> dict[str, Any]:
    """Insert a row and return it as a later select finds it."""
    row = insert("things", {"id": uuid4(), **values})
    assert select_one("things", {"id": row["id"]}) == row
    delete("things", {"id": row["id"]})
    insert_many("things", [{"id": uuid4(), **values}])
    [many] = select("things")
    assert {**many, "id": row["id"]} == row
    delete("things", {"id": many["id"]})
    return row


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("text", ""),
        ("text", "naïve 🙂 'quoted\" %s %(x)s :name \\ \n\t end"),
        ("short", "ab🙂'%"),
        ("whole", -(2**63)),
        ("whole", 2**63 - 1),
        ("real", 0.1),
        ("real", -1e300),
        ("exact", Decimal("12345678.901")),
        ("exact", Decimal("-0.5")),
        ("flag", True),
        ("flag", False),
        ("raw", b""),
        ("raw", bytes(range(256))),
        ("json", {"a": [1, 2.5, None, True, "🙂'\"\\"], "b": {}}),
        ("json", []),
        ("json", "text"),
        ("json", 0),
        ("json", False),
        ("local", datetime(2024, 2, 29, 23, 59, 59, 999999)),  # noqa: DTZ001
        ("moment", datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC)),
        ("moment", datetime(2024, 3, 1, 4, 0, tzinfo=EAST)),
        ("moment", FIRST_MOMENT),
        ("day", date(2024, 2, 29)),
        ("hour", time(23, 59, 59, 999999)),
        ("id", uuid4()),
    ],
)
def test_a_value_comes_back_as_it_went_in(database: Database, column: str, value: object) -> None:
    if database.dialect == "mysql" and value == FIRST_MOMENT:
        with pytest.raises(InvalidInput):  # its TIMESTAMP begins in 1970
            insert("things", {"id": uuid4(), column: value})
        return
    row = kept(**{column: value})
    assert row[column] == value
    assert type(row[column]) is type(value)
    assert all(row[name] is None for name in row if name not in (column, "id"))


def test_a_moment_comes_back_in_utc() -> None:
    assert kept(moment=datetime(2024, 3, 1, 4, 0, tzinfo=EAST))["moment"].tzinfo is UTC


def test_a_moment_without_a_zone_is_utc() -> None:
    naive = datetime(2024, 3, 1, 4, 0)  # noqa: DTZ001
    assert kept(moment=naive)["moment"] == naive.replace(tzinfo=UTC)
    insert("things", {"id": uuid4(), "moment": naive})
    assert exists("things", {"moment": ("<=", naive)})
    assert not exists("things", {"moment": ("<", naive)})


def test_a_zone_is_not_lost_in_a_column_without_one() -> None:
    row = kept(local=datetime(2024, 3, 1, 4, 0, tzinfo=EAST))
    assert row["local"] == datetime(2024, 2, 29, 22, 30)  # noqa: DTZ001


def test_null_is_null_in_a_json_column_too() -> None:
    insert("things", {"id": uuid4(), "json": None})
    assert count("things", {"json": None}) == 1


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("id", "12345678-1234-5678-1234-567812345678", UUID("12345678123456781234567812345678")),
        ("whole", "12", 12),
        ("real", "0.5", 0.5),
        ("exact", "12.5", Decimal("12.5")),
        ("local", "2024-02-29T12:00:00", datetime(2024, 2, 29, 12)),  # noqa: DTZ001
        ("moment", "2024-02-29T12:00:00+05:30", datetime(2024, 2, 29, 6, 30, tzinfo=UTC)),
        ("moment", "2024-02-29T12:00:00", datetime(2024, 2, 29, 12, tzinfo=UTC)),
        ("day", "2024-02-29", date(2024, 2, 29)),
        ("hour", "17:05", time(17, 5)),
    ],
)
def test_text_is_read_as_what_the_column_holds(column: str, text: str, value: object) -> None:
    row = kept(**{column: text})
    assert row[column] == value
    insert("things", {"id": uuid4(), column: text})
    assert exists("things", {column: text})
    assert exists("things", {column: ("IN", [text])})


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("id", "1234", "it has to be a UUID"),
        ("id", 5, "it has to be a UUID, not int"),
        ("text", 5, "it has to be text, not int"),
        ("text", b"x", "it has to be text, not bytes"),
        ("text", "a\0b", "it has the character NUL in it"),
        ("short", "123456", "it has 6 characters, and 5 are possible"),
        ("whole", "five", "it has to be a whole number"),
        ("whole", 1.5, "it has to be a whole number, not float"),
        ("whole", True, "it has to be a whole number, not bool"),
        ("real", "much", "it has to be a number"),
        ("exact", "much", "it has to be a number"),
        ("exact", True, "it has to be a number, not bool"),
        ("flag", 1, "it has to be true or false, not int"),
        ("flag", "true", "it has to be true or false, not str"),
        ("raw", "text", "it has to be bytes, not str"),
        ("json", {"a": {1, 2}}, "not JSON serializable"),
        ("json", object(), "not JSON serializable"),
        ("local", "yesterday", "it has to be a time like 2030"),
        ("local", 5, "it has to be a time like 2030-01-31T17:00:00+01:00, not int"),
        ("day", "31.1.2030", "it has to be a date like"),
        ("hour", "noon", "it has to be a time of day like"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(column: str, value: object, says: str) -> None:
    row = insert("things", {"id": uuid4()})
    for call in (
        lambda: insert("things", {"id": uuid4(), column: value}),
        lambda: insert_many("things", [{"id": uuid4(), column: value}]),
        lambda: update("things", {column: value}, {"id": row["id"]}),
        lambda: select("things", {column: value}),
        lambda: delete("things", {column: ("IN", [value])}),
    ):
        with pytest.raises(InvalidInput) as error:
            call()
        assert f"{column} can't take this value: " in str(error.value)
        assert says in str(error.value)
    assert select("things") == [row]


@pytest.mark.parametrize("value", [2**63, "\ud800"])
def test_what_the_driver_refuses_is_bad_input(value: object) -> None:
    column = "whole" if isinstance(value, int) else "text"
    with pytest.raises(InvalidInput):
        insert("things", {"id": uuid4(), column: value})
    with pytest.raises(InvalidInput):
        insert_many("things", [{"id": uuid4(), column: value}])
    assert count("things") == 0


@on_sqlite
def test_sqlite_refuses_a_decimal_that_it_would_change() -> None:
    with pytest.raises(InvalidInput, match="SQLite keeps 15 digits"):
        insert("things", {"id": uuid4(), "exact": Decimal("1234567890.123456")})


@on_sqlite
def test_a_word_that_sqlite_does_not_know_is_a_type_without_rules() -> None:
    execute("CREATE TABLE odd (a STRING, b)")
    assert insert("odd", {"a": "text", "b": b"x"}) == {"a": "text", "b": b"x"}
    assert exists("odd", {"a": ("LIKE", "te%")})


@on_postgresql
def test_postgresqls_own_types() -> None:
    execute("CREATE TYPE mood AS ENUM ('good', 'bad')")
    execute("CREATE TABLE own (tags TEXT[], mood mood, address INET, span INTERVAL, plain JSON)")
    row = {
        "tags": ["a", "b'"],
        "mood": "good",
        "address": "127.0.0.1",
        "span": timedelta(hours=1),
        "plain": {"a": 1},
    }
    assert insert("own", row) == row
    assert exists("own", {"mood": "good", "tags": ["a", "b'"]})
    assert insert_many("own", [{**row, "tags": [f"{n}"]} for n in range(1001)]) == 1001
    assert exists("own", {"tags": ["1000"], "span": timedelta(hours=1)})
    with pytest.raises(InvalidInput):
        insert("own", {"mood": "sad"})
    with pytest.raises(InvalidInput):  # there is no way to compare two of them
        select("own", {"plain": {"a": 1}})
    with pytest.raises(InvalidInput):
        insert("own", {"address": {"not": "adaptable"}})


# Whatever a person may send

NAMES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            'text" = text OR "a',
            "text; DROP TABLE things",
            "text--",
            "*",
            "1",
            "things.text",
            '"text"',
            "%s",
            "%(v0)s",
            ":text",
            "TEXT",
            "rowid",
            "ctid",
        ]
    ),
).filter(lambda name: name.strip() not in KNOWN and " ".join(name.upper().split()) not in OPERATORS)
COLUMNS = (
    "id text short whole real exact flag raw json local moment day hour".split()  # noqa: SIM905
)
# Hypothesis also tries the strings of the program: names of its tables, and operators.
KNOWN = {*COLUMNS, *metadata.tables}
OPERATORS = {*COMPARISONS, "IN", "IS", "IS NOT"}
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)


@settings(SHARED, max_examples=15)
@given(name=NAMES, value=TEXTS)
def test_no_other_name_reaches_sql(name: str, value: str) -> None:
    for call in (
        lambda: insert("things", {"id": uuid4(), name: value}),
        lambda: insert_many("things", [{"id": uuid4(), name: value}]),
        lambda: update("things", {name: value}, {"text": value}),
        lambda: update("things", {"text": value}, {name: value}),
        lambda: select("things", {name: value}),
        lambda: select("things", order_by=f"{name} DESC" if name.strip() else "%"),
        lambda: select(name),
        lambda: select("things", {"text": (name, value)}),
    ):
        with pytest.raises(UnknownName):
            call()
    assert count("things") == 0


@SHARED
@given(text=TEXTS, raw=st.binary(max_size=200), whole=st.integers(-(2**63), 2**63 - 1))
def test_any_value_is_found_again_by_itself_alone(text: str, raw: bytes, whole: int) -> None:
    row = insert("things", {"id": uuid4(), "text": text, "raw": raw, "whole": whole})
    insert("things", {"id": uuid4(), "text": text + "'", "raw": raw + b"'", "whole": None})
    assert (row["text"], row["raw"], row["whole"]) == (text, raw, whole)
    for where in ({"text": text}, {"raw": raw}, {"whole": whole}, {"text": ("IN", [text])}):
        assert select("things", where) == [row]
    found = execute("SELECT text, raw FROM things WHERE text = :text", {"text": text})
    assert isinstance(found, list)
    assert [(one["text"], bytes(one["raw"])) for one in found] == [(text, raw)]
    assert len(delete("things", {"id": ("!=", None)})) == 2


@SHARED
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=8,
    )
)
def test_any_json_comes_back(value: object) -> None:
    row = insert("things", {"id": uuid4(), "json": value})
    assert row["json"] == value
    assert delete("things", {"id": row["id"]}) == [row]


@SHARED
@given(value=st.floats())
def test_a_number_comes_back_or_is_refused(database: Database, value: float) -> None:
    try:
        row = insert("things", {"id": uuid4(), "real": value})
    except InvalidInput:
        assert math.isnan(value) or (database.dialect == "mysql" and math.isinf(value))
    else:
        assert row["real"] == value
