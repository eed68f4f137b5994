"""Several things behind a colon."""

import pytest

from ai.extraction.rows import row_of


@pytest.mark.parametrize(
    ("text", "head", "items"),
    [
        ("costume list: velvet, tulle and a ruff", "costume list", ["velvet", "tulle", "a ruff"]),
        (
            "Noch offen: Harfe stimmen, Molche füttern.",
            "Noch offen",
            ["Harfe stimmen", "Molche füttern"],
        ),
        ("à faire : du fil, de la cire", "à faire", ["du fil", "de la cire"]),
    ],
)
def test_things_behind_a_colon_are_a_row(text: str, head: str, items: list[str]) -> None:
    assert row_of(text) == (head, items)


@pytest.mark.parametrize(
    "text",
    [
        "note: bread and butter",  # one thing
        "todo: velvet at 5, tulle tomorrow",  # times belong to their things
        "well, you know: yes, no",
        "at 5:30, or so: a, b, c, d, e, f",
        "a: b: c, d",
        "list: " + ", ".join("abcdef"),  # more than may be ordered at once
        "list: a, , b",
        "l: a, " + "b " * 200,
        ":,",
        "",
    ],
)
def test_other_texts_are_none(text: str) -> None:
    assert row_of(text) is None
