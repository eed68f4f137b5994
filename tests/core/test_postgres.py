"""CRUD by table name, on every database."""

from core import postgres
from core.database import Database


def test_a_row_comes_back_whole(database: Database) -> None:
    row = postgres.insert("users", {"username": "ada", "password_hashed": b"x"})
    assert row["token_version"] == 0
    assert postgres.select_one("users", {"id": row["id"]}) == row
