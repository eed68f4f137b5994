"""What select can do beyond the contract: columns, pages by the last row, locks."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.db.engine import Database, transaction
from core.errors import InvalidInput, UnknownName
from core.postgres import insert_many, select


@pytest.fixture
def shelf(books: str) -> str:
    """Books with many ties and NULLs."""
    numbers = [(n % 3 or None, n % 4 or None) for n in range(30)]
    insert_many(
        books, [{"title": f"t{n:02}", "pages": a, "order": b} for n, (a, b) in enumerate(numbers)]
    )
    return books


def pages(table: str, order_by: list[str], size: int, **more: Any) -> list[list[dict[str, Any]]]:  # noqa: ANN401
    """Read a table page by page."""
    found = [select(table, order_by=order_by, limit=size, **more)]
    while found[-1]:
        found.append(select(table, order_by=order_by, limit=size, after=found[-1][-1], **more))
    return found[:-1]


@pytest.mark.parametrize("size", [1, 4, 33])
@pytest.mark.parametrize(
    "order_by",
    [
        ["id"],
        ["id DESC"],
        ["title", "id"],
        ["title DESC", "id DESC"],
        ["title DESC", "id"],
        ["pages", "id"],
        ["pages DESC", "id"],
        ["pages DESC NULLS LAST", "order NULLS FIRST", "id DESC"],
        ["pages NULLS LAST", "order DESC NULLS FIRST", "id"],
        ["order DESC", "pages", "title DESC", "id"],
    ],
)
def test_pages_together_are_the_whole(shelf: str, order_by: list[str], size: int) -> None:
    whole = select(shelf, order_by=order_by)
    read = pages(shelf, order_by, size)
    assert [row for page in read for row in page] == whole
    assert {len(page) for page in read[:-1]} <= {size}


def test_rows_that_come_and_go_shift_no_page(shelf: str) -> None:
    where = {"pages": ("IS NOT", None)}
    first = select(shelf, where, ["title", "id"], 5)
    insert_many(shelf, [{"title": "a new first", "pages": 1}])
    second = select(shelf, where, ["title", "id"], 5, after=first[-1])
    assert [row["title"] for row in first + second] == sorted(
        row["title"] for row in first + second
    )
    assert not {row["id"] for row in first} & {row["id"] for row in second}
    assert select(shelf, where, ["title", "id"], 5, after={"title": first[-1]["title"], "id": 0})


@pytest.mark.parametrize(
    ("order_by", "after"),
    [
        (None, {"id": 1}),
        ("title", {"title": "t"}),
        (["title", "id"], {"id": 1}),
        (["title", "id"], {}),
    ],
)
def test_a_page_whose_beginning_is_unclear_is_refused(
    books: str,
    order_by: str | list[str] | None,
    after: dict[str, Any],
) -> None:
    with pytest.raises(InvalidInput, match="order_by has to end in the primary key"):
        select(books, order_by=order_by, after=after)


def test_a_page_after_a_value_that_does_not_fit_is_refused(books: str) -> None:
    with pytest.raises(InvalidInput, match="id can't take this value"):
        select(books, order_by="id", after={"id": "1 OR 1 = 1"})


def test_some_columns(books: str) -> None:
    assert select(books, {"title": "Emma"}, columns=["pages", "read"]) == [
        {"pages": 474, "read": True}
    ]
    assert select(books, order_by="pages DESC NULLS LAST", columns=("title",), limit=1) == [
        {"title": "Ulysses"}
    ]
    with pytest.raises(UnknownName, match="no column 'id; DROP TABLE books'"):
        select(books, columns=["id; DROP TABLE books"])
    for nothing in ([], "title"):
        with pytest.raises(InvalidInput, match="columns: a list"):
            select(books, columns=nothing)


def test_a_lock_lasts_as_long_as_its_transaction(database: Database, books: str) -> None:
    with pytest.raises(InvalidInput, match="open one with transaction"):
        select(books, lock="update")
    with transaction(), pytest.raises(UnknownName, match="update or skip locked, not 'share'"):
        select(books, lock="share")  # type: ignore[arg-type]

    def what_is_free() -> list[str]:
        with transaction():
            return [row["title"] for row in select(books, order_by="id", lock="skip locked")]

    if database.dialect == "sqlite":  # one writer at a time: whoever reads here holds everything
        assert what_is_free() == ["Emma", "Ulysses", "emma_2"]
        return
    with ThreadPoolExecutor(1) as other, transaction():
        held = select(books, {"id": 1}, lock="update")
        assert other.submit(what_is_free).result(20) == ["Ulysses", "emma_2"]
    assert [row["title"] for row in held] == ["Emma"]
    assert what_is_free() == ["Emma", "Ulysses", "emma_2"]
