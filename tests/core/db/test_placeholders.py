"""Hand-written SQL: which colons and percent signs are parameters."""

from uuid import uuid4

import pytest

from core.db.engine import Database
from core.db.placeholders import named_query, sqlite_query
from core.errors import InvalidInput
from core.postgres import execute, insert


@pytest.mark.parametrize(
    ("query", "psycopg2", "names"),
    [
        ("a = :a AND b = :b", "a = %(a)s AND b = %(b)s", {"a", "b"}),
        ("a = %(a)s", "a = %(a)s", {"a"}),
        (":a+:a-:b_1", "%(a)s+%(a)s-%(b_1)s", {"a", "b_1"}),
        ("(:a)::text, x::int", "(%(a)s)::text, x::int", {"a"}),
        ("':a' || 'it''s :b' || :c", "':a' || 'it''s :b' || %(c)s", {"c"}),
        (r"E'\' :a' || :b", r"E'\' :a' || %(b)s", {"b"}),
        (r"'\' || :a", r"'\' || %(a)s", {"a"}),
        ('":a" = :a', '":a" = %(a)s', {"a"}),
        ("$$ :a $$ || $x$ $$ :b $x$ || :c", "$$ :a $$ || $x$ $$ :b $x$ || %(c)s", {"c"}),
        ("1 -- :a\n + :b", "1 -- :a\n + %(b)s", {"b"}),
        ("/* :a \n */ :b", "/* :a \n */ %(b)s", {"b"}),
        ("tags[1:n], :a", "tags[1:n], %(a)s", {"a"}),
        ("a LIKE '5%' AND b % 2 = :b", "a LIKE '5%%' AND b %% 2 = %(b)s", {"b"}),
        ("a LIKE '5%%' AND b %% 2 = %(b)s", "a LIKE '5%%' AND b %% 2 = %(b)s", {"b"}),
        ("b %% 2 = :b AND c = %(c)s", "b %% 2 = %(b)s AND c = %(c)s", {"b", "c"}),
        ("nothing", "nothing", set()),
        ("'never closed :a", "'never closed %(a)s", {"a"}),
    ],
)
def test_named_parameters(query: str, psycopg2: str, names: set[str]) -> None:
    assert named_query(query) == (psycopg2, names)


@pytest.mark.parametrize(
    ("query", "sqlite"),
    [
        ("a = %s AND b = %(b)s", "a = ? AND b = :b"),
        ("a LIKE '5%%' AND b %% 2 = %s", "a LIKE '5%' AND b % 2 = ?"),
        ("'%s' || \"%(a)s\" || %s -- %s", "'%s' || \"%(a)s\" || ? -- %s"),
    ],
)
def test_psycopg2s_parameters_for_sqlite(query: str, sqlite: str) -> None:
    assert sqlite_query(query) == sqlite


def test_execute(database: Database) -> None:
    user = insert("users", {"username": "50%", "password_hashed": b"x"})
    by_name = "SELECT username AS name, ':no' AS no FROM users WHERE id = :id"
    assert execute(by_name, {"id": user["id"]}) == [{"name": "50%", "no": ":no"}]
    assert execute(by_name.replace(":id", "%(id)s"), {"id": user["id"], "more": 1})
    assert execute(by_name, {"id": uuid4()}) == []
    assert execute("SELECT count(*) AS n FROM users WHERE username LIKE '50%'") == [{"n": 1}]
    assert execute("UPDATE users SET username = :name", {"name": "it's :id %(x)s"}) == 1
    assert execute("DELETE FROM users WHERE username = 'it''s :id %(x)s'") == 1
    assert execute("DELETE FROM users") == 0
    with pytest.raises(InvalidInput, match="there is no value for id"):
        execute(by_name, {"Id": 1})
