"""CRUD by table name, as documented, on every database."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.db.engine import Database, transaction
from core.errors import Conflict, InvalidInput, OutOfDate, UnknownName
from core.postgres import (
    count,
    delete,
    execute,
    exists,
    get_columns,
    get_connection,
    get_cursor,
    insert,
    insert_many,
    select,
    select_one,
    table_exists,
    update,
    upsert,
)
from tests.support.books import titles

pytestmark = pytest.mark.usefixtures("database")


# One row


def test_insert_returns_the_row_with_what_was_filled_in() -> None:
    before = datetime.now(UTC)
    row = insert("users", {"username": "ada", "password_hashed": b"\x00\xff"})
    assert type(row) is dict
    assert isinstance(row["id"], UUID)
    assert before <= row["created_at"] <= datetime.now(UTC)
    assert (row["token_version"], row["time_zone"]) == (0, None)
    assert row["password_hashed"] == b"\x00\xff"
    assert select_one("users", {"id": row["id"]}) == row
    assert select("users") == [row]


def test_plain_sql_can_leave_out_what_the_program_fills_in() -> None:
    execute("INSERT INTO users (username, password_hashed) VALUES ('ada', :hash)", {"hash": b"x"})
    row = select_one("users", {"username": "ada"})
    assert row is not None
    assert isinstance(row["id"], UUID)
    assert abs(row["created_at"] - datetime.now(UTC)).total_seconds() < 5


def test_a_where_on_a_uuid_takes_text_too() -> None:
    row = insert("users", {"username": "ada", "password_hashed": b"x"})
    assert select_one("users", {"id": str(row["id"])}) == row
    assert select_one("users", {"id": uuid4()}) is None
    with pytest.raises(InvalidInput, match="id can't take this value: it has to be a UUID"):
        select_one("users", {"id": "not-a-uuid"})


def test_update_returns_the_rows_as_they_are_now(books: str) -> None:
    changed = update(books, {"pages": 1}, {"title": ("IN", ["Emma", "Ulysses"])})
    assert sorted((row["title"], row["pages"]) for row in changed) == [("Emma", 1), ("Ulysses", 1)]
    assert update(books, {"pages": 1}, {"title": "no such"}) == []


def test_update_renews_what_renews_itself() -> None:
    user = insert("users", {"username": "ada", "password_hashed": b"x"})
    first = insert("notifications", {"user_uuid": user["id"]})
    [second] = update("notifications", {"ntfy_enabled": True}, {"id": first["id"]})
    assert second["updated_at"] > first["updated_at"]
    assert second["created_at"] == first["created_at"]


def test_delete_returns_the_deleted_rows(books: str) -> None:
    assert [row["title"] for row in delete(books, {"pages": (">", 500)})] == ["Ulysses"]
    assert delete(books, {"pages": (">", 500)}) == []
    assert count(books) == 2


def test_an_empty_where_never_changes_every_row(books: str) -> None:
    with pytest.raises(InvalidInput, match="update: an empty where would hit every row"):
        update(books, {"pages": 1}, {})
    with pytest.raises(InvalidInput, match="delete: an empty where would hit every row"):
        delete(books, {})
    assert count(books, {"pages": ("!=", 1)}) == 2


def test_an_update_without_changes_is_refused(books: str) -> None:
    with pytest.raises(InvalidInput, match="nothing to change"):
        update(books, {}, {"id": 1})


# Upsert


def test_upsert_inserts_and_then_changes() -> None:
    user = insert("users", {"username": "ada", "password_hashed": b"x"})
    first = upsert("notifications", {"user_uuid": user["id"], "ntfy_topic": "a"}, ["user_uuid"])
    second = upsert("notifications", {"user_uuid": user["id"], "ntfy_topic": "b"}, "user_uuid")
    assert second["ntfy_topic"] == "b"
    assert second["id"] == first["id"]
    assert second["created_at"] == first["created_at"]
    assert second["updated_at"] > first["updated_at"]
    assert count("notifications") == 1


def test_upsert_on_several_columns(books: str) -> None:
    row = upsert(books, {"title": "Emma", "pages": 474, "read": False}, ["title", "pages"])
    assert (row["id"], row["read"]) == (1, False)
    other = upsert(books, {"title": "Emma", "pages": 475}, ["title", "pages"])
    assert other["id"] != 1


def test_upsert_with_nothing_to_change_returns_the_row(books: str) -> None:
    row = upsert(books, {"title": "Emma", "pages": 474}, ["title", "pages"])
    assert (row["id"], row["read"]) == (1, True)
    assert count(books) == 3


@pytest.mark.parametrize(
    ("data", "conflict", "error"),
    [
        ({"title": "x"}, [], InvalidInput),
        ({"title": "x"}, ["pages"], InvalidInput),
        ({"title": "x", "pages": 1}, ["pages"], InvalidInput),  # not unique
        ({"title": "x"}, ["author"], UnknownName),
        ({"author": "x"}, ["author"], UnknownName),
    ],
)
def test_an_upsert_that_is_refused(
    books: str, data: dict[str, Any], conflict: list[str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        upsert(books, data, conflict)
    assert count(books) == 3


# Many rows


def test_ten_thousand_rows(books: str) -> None:
    rows = [{"pages": n, "title": f"volume {n}\n'\\"} for n in range(10_000)]
    assert insert_many(books, rows) == 10_000
    assert count(books, {"title": ("LIKE", "volume%")}) == 10_000
    assert select_one(books, {"pages": 9_999}) == {
        "id": 10_003,
        "title": "volume 9999\n'\\",
        "pages": 9_999,
        "read": False,
        "order": None,
    }


def test_many_rows_are_filled_in_one_by_one() -> None:
    names = [{"username": name, "password_hashed": b"x"} for name in ("ada", "bob")]
    assert insert_many("users", names) == 2
    first, second = select("users")
    assert first["id"] != second["id"]
    assert first["created_at"].tzinfo is UTC


def test_no_rows_are_no_rows(books: str) -> None:
    assert insert_many(books, []) == 0
    assert insert_many("no such table", []) == 0


def test_many_rows_are_inserted_all_or_none(books: str) -> None:
    rows = [{"title": f"new {n}", "pages": n % 1500} for n in range(1500)]
    with pytest.raises(Conflict):
        insert_many(books, [*rows, rows[0]])
    assert count(books) == 3


def test_rows_of_unequal_columns_are_refused(books: str) -> None:
    with pytest.raises(InvalidInput, match=r"row 1 differs from the first one in \['pages'\]"):
        insert_many(books, [{"title": "a", "pages": 1}, {"title": "b"}])
    assert insert_many(books, [{"title": "a", "pages": 1}, {"pages": 2, "title": "b"}]) == 2
    assert titles({"pages": 2}) == ["b"]
    with pytest.raises(InvalidInput, match="the rows have no columns"):
        insert_many(books, [{}, {}])
    with pytest.raises(UnknownName, match="no column 'author'"):
        insert_many(books, [{"author": "a"}])
    with pytest.raises(InvalidInput, match="pages can't take this value"):
        insert_many(books, [{"title": "a", "pages": "many"}])


# Names


@pytest.mark.parametrize("name", ["no_such", "users; --", "", "pg_catalog.pg_tables", 'users"', 7])
def test_an_unknown_table_is_named(name: Any) -> None:  # noqa: ANN401
    for call in (
        lambda: insert(name, {"a": 1}),
        lambda: insert_many(name, [{"a": 1}]),
        lambda: select(name),
        lambda: select_one(name, {"a": 1}),
        lambda: update(name, {"a": 1}, {"a": 1}),
        lambda: delete(name, {"a": 1}),
        lambda: count(name),
        lambda: exists(name, {"a": 1}),
        lambda: upsert(name, {"a": 1}, ["a"]),
        lambda: get_columns(name),
    ):
        with pytest.raises(UnknownName) as error:
            call()
        assert f"There is no table {name!r}" in str(error.value)
    assert table_exists(name) is False


def test_an_unknown_column_is_named(books: str) -> None:
    for call in (
        lambda: insert(books, {"author": 1}),
        lambda: update(books, {"author": 1}, {"id": 1}),
        lambda: update(books, {"pages": 1}, {"author": 1}),
    ):
        with pytest.raises(UnknownName, match="The table 'books' has no column 'author'"):
            call()


def test_tables_and_columns_made_while_the_program_runs(books: str) -> None:
    assert get_columns(books) == ["id", "title", "pages", "read", "order"]
    with get_cursor() as cursor:  # not seen by the functions, as another process's would not be
        cursor.execute("ALTER TABLE books ADD COLUMN author TEXT")
        cursor.execute("CREATE TABLE shelves (name TEXT)")
    assert insert(books, {"title": "Persuasion", "author": "Austen"})["author"] == "Austen"
    assert titles({"author": "Austen"}) == ["Persuasion"]
    assert insert("shelves", {"name": "top"}) == {"name": "top"}
    execute("ALTER TABLE books DROP COLUMN author")
    assert "author" not in select(books)[0]
    execute("DROP TABLE shelves")
    assert not table_exists("shelves")


def test_a_column_that_went_away_is_named_once_and_then_known(books: str) -> None:
    assert select(books, {"pages": 474})
    with get_cursor() as cursor:
        cursor.execute('ALTER TABLE books DROP COLUMN "order"')
    with pytest.raises(OutOfDate, match="order"):
        select(books)
    assert "order" not in select(books)[0]


def test_a_table_that_the_program_knows_and_the_database_has_not() -> None:
    assert table_exists("notifications")
    execute("DROP TABLE notifications")
    assert not table_exists("notifications")
    with pytest.raises(OutOfDate, match="no table or column notifications"):
        select("notifications")


def test_a_row_of_defaults_alone() -> None:
    execute("CREATE TABLE marks (n INTEGER DEFAULT 7)")
    assert insert("marks", {}) == {"n": 7}


def test_reserved_words_and_views(database: Database, books: str) -> None:
    update(books, {"order": 3}, {"title": "Emma"})
    assert titles({"order": 3}, order_by="order DESC") == ["Emma"]
    # SQLAlchemy can't read MySQL's own words on a name with a quote in it.
    quote = "'" if database.dialect == "mysql" else '"'
    odd = f"a {quote}quoted{quote} VALUES (b)"
    quoted = odd.replace('"', '""')
    columns = f'"5 % of %s" INTEGER, "{quoted}" VARCHAR(9), v0 VARCHAR(9)'
    execute(f'CREATE TABLE "from %% where" ({columns})')
    row = {"5 % of %s": 1, odd: "%s", "v0": "v"}
    assert insert("from %% where", row) == row
    assert insert_many("from %% where", [row, row]) == 2
    assert update("from %% where", {"5 % of %s": 2}, row)[0]["5 % of %s"] == 2
    assert count("from %% where", {"v0": "v"}) == 3
    execute('CREATE VIEW "select" AS SELECT title AS "group" FROM books WHERE pages > 500')
    assert select("select", {"group": ("LIKE", "U%")}) == [{"group": "Ulysses"}]
    assert table_exists("select")


def test_the_functions_of_one_transaction_are_one(books: str) -> None:
    with pytest.raises(InvalidInput), transaction():
        insert(books, {"title": "new"})
        insert_many(books, [{"title": "newer"}])
        execute("DELETE FROM books WHERE title = 'Emma'")
        with get_cursor() as cursor:
            cursor.execute("SELECT count(*) AS n FROM books")
            assert cursor.fetchone()["n"] == 4
        with get_connection() as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE books SET pages = %s", (0,))
        update(books, {}, {"id": 1})
    assert titles({"pages": 474}) == ["Emma"]
    assert count(books) == 3
