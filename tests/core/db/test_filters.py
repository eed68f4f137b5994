"""Conditions, order, limit and offset, on every database."""

from typing import Any

import pytest

from core.db.filters import padded
from core.errors import InvalidInput, UnknownName
from core.postgres import count, delete, exists, insert, select, select_one, table_exists
from tests.support.books import titles

pytestmark = pytest.mark.usefixtures("database")


# Conditions


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({}, ["Emma", "Ulysses", "emma_2"]),
        ({"pages": 474}, ["Emma"]),
        ({"pages": 474, "title": "Ulysses"}, []),
        ({"pages": None}, ["emma_2"]),
        ({"pages": ("=", 474)}, ["Emma"]),
        ({"pages": ("=", None)}, ["emma_2"]),
        ({"pages": ("!=", 474)}, ["Ulysses"]),
        ({"pages": ("!=", None)}, ["Emma", "Ulysses"]),
        ({"pages": ("<", 730)}, ["Emma"]),
        ({"pages": ("<=", 730)}, ["Emma", "Ulysses"]),
        ({"pages": (">", 474)}, ["Ulysses"]),
        ({"pages": (">=", 474)}, ["Emma", "Ulysses"]),
        ({"title": ("LIKE", "Em%")}, ["Emma"]),
        ({"title": ("LIKE", "em%")}, ["emma_2"]),
        ({"title": ("like", r"%\_2")}, ["emma_2"]),
        ({"title": ("LIKE", "%")}, ["Emma", "Ulysses", "emma_2"]),
        ({"title": ("ILIKE", "em%")}, ["Emma", "emma_2"]),
        ({"title": ("ILIKE", "EM%")}, ["Emma", "emma_2"]),
        ({"pages": ("IN", [474, 1])}, ["Emma"]),
        ({"pages": ("IN", (474, 730))}, ["Emma", "Ulysses"]),
        ({"pages": ("IN", {474})}, ["Emma"]),
        ({"pages": ("IN", [])}, []),
        ({"pages": ("IN", [None])}, []),
        ({"pages": ("IS", None)}, ["emma_2"]),
        ({"pages": ("IS NOT", None)}, ["Emma", "Ulysses"]),
        ({"pages": ("is  not", None)}, ["Emma", "Ulysses"]),
        ({"read": True}, ["Emma"]),
        ({"read": ("IS", True)}, ["Emma"]),
        ({"read": ("IS NOT", True)}, ["Ulysses", "emma_2"]),
        ({"read": ("IS", False)}, ["Ulysses"]),
        ({"read": ("IS NOT", False)}, ["Emma", "emma_2"]),
    ],
)
def test_a_where(books: str, where: dict[str, Any], found: list[str]) -> None:
    assert titles(where, order_by="id") == found
    assert count(books, where) == len(found)
    assert exists(books, where) is bool(found)


def test_upper_and_lower_case_outside_ascii(books: str) -> None:
    insert(books, {"title": "ÄRGER"})
    assert titles({"title": ("ILIKE", "ärg%")}) == ["ÄRGER"]


def test_the_same_where_with_other_values_is_another_question(books: str) -> None:
    assert [titles({"pages": pages}) for pages in (474, 730, 474)] == [
        ["Emma"],
        ["Ulysses"],
        ["Emma"],
    ]
    assert titles({"pages": ("IN", [474])}) == ["Emma"]
    assert titles({"pages": ("IN", [474, 730])}, order_by="pages") == ["Emma", "Ulysses"]


@pytest.mark.parametrize(
    ("where", "error", "says"),
    [
        ({"author": 1}, UnknownName, "The table 'books' has no column 'author'"),
        ({"pages; DROP TABLE books": 1}, UnknownName, "no column 'pages; DROP TABLE books'"),
        ({1: 1}, UnknownName, "has no column 1"),
        ({"pages": ("~", "1")}, UnknownName, "pages: there is no operator '~'"),
        ({"pages": ("= 1 OR 1 =", 1)}, UnknownName, "there is no operator '= 1 OR 1 ='"),
        ({"pages": ("IS NULL", 1)}, UnknownName, "there is no operator 'IS NULL'"),
        ({"pages": (">", 1, 2)}, InvalidInput, "a value or a pair"),
        ({"pages": (1, 2)}, InvalidInput, "a value or a pair"),
        ({"pages": ("IN", 1)}, InvalidInput, "IN takes a list"),
        ({"pages": ("IN", "474")}, InvalidInput, "IN takes a list"),
        ({"pages": ("IS", 1)}, InvalidInput, "IS takes None, True or False"),
        ({"pages": "many"}, InvalidInput, "pages can't take this value"),
        ({"pages": ("LIKE", "4%")}, InvalidInput, "pages: LIKE is for text"),
        ({"title": ("LIKE", 4)}, InvalidInput, "title can't take this value"),
        ("title = 'Emma'", InvalidInput, "A where is a dict, not str"),
    ],
)
def test_a_where_that_is_refused(
    books: str,
    where: Any,  # noqa: ANN401
    error: type[Exception],
    says: str,
) -> None:
    for call in (select, count, exists, delete, select_one):
        with pytest.raises(error, match=says):
            call(books, where)  # type: ignore[operator]
    assert count(books) == 3


# Order, limit, offset


@pytest.mark.parametrize(
    ("order_by", "found"),
    [
        ("pages DESC NULLS LAST", ["Ulysses", "Emma", "emma_2"]),
        ("pages asc nulls first", ["emma_2", "Emma", "Ulysses"]),
        (["read NULLS FIRST", "title DESC"], ["emma_2", "Ulysses", "Emma"]),
        (("id",), ["Emma", "Ulysses", "emma_2"]),
        ("  id   DESC ", ["emma_2", "Ulysses", "Emma"]),
    ],
)
def test_order(books: str, order_by: Any, found: list[str]) -> None:  # noqa: ANN401
    assert titles(order_by=order_by) == found


@pytest.mark.parametrize(
    "order_by",
    [
        "author",
        "id; DROP TABLE books",
        "id DESC, title",
        "(SELECT 1)",
        "id DESC DESC",
        " ",
        [1],
        "1",
    ],
)
def test_an_order_that_is_refused(books: str, order_by: Any) -> None:  # noqa: ANN401
    with pytest.raises(UnknownName):
        select(books, order_by=order_by)
    assert table_exists(books)


def test_limit_and_offset(books: str) -> None:
    assert titles(order_by="id", limit=2) == ["Emma", "Ulysses"]
    assert titles(order_by="id", limit=1, offset=1) == ["Ulysses"]
    assert titles(order_by="id", offset=2) == ["emma_2"]
    assert titles(limit=0) == []
    for bad in (-1, "1", 1.5, True):
        with pytest.raises(InvalidInput, match="limit: a whole number from 0"):
            select(books, limit=bad)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="offset: a whole number from 0"):
            select(books, offset=bad)  # type: ignore[arg-type]


def test_lists_of_any_length_need_few_statements() -> None:
    lengths = {len(padded([*range(size)])) for size in range(1, 40_000, 7)}
    assert len(lengths) < 11 + 40
    for size in (0, 1, 2, 3, 1000, 1025, 32_000):
        values = [*range(size)]
        assert set(padded(values)) == set(values)
        assert len(padded(values)) <= max(2 * size, 1)
