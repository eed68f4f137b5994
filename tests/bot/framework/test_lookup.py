"""Finding what a person means among their own things."""

import pytest

from bot.framework.lookup import containing, nearest, similar

NAMES = ["buy milk", "Milk the cow", "call mum", "call the plumber", "start report"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("buy milk", ["buy milk"]),
        ("BUY  MILK!", ["buy milk"]),
        ("milk", ["buy milk", "Milk the cow"]),
        ("the plumber", ["call the plumber"]),
        ("plumb", ["call the plumber"]),
        ("call", ["call mum", "call the plumber"]),
        ("art", []),  # in the middle of a word
        ("mlik", []),
        ("c.ll", []),
    ],
)
def test_equal_or_contained(words: str, found: list[str]) -> None:
    assert [NAMES[index] for index in containing(words, NAMES)] == found


def test_an_equal_name_wins_over_longer_ones() -> None:
    assert containing("milk", ["buy milk", "milk"]) == [1]


def test_the_same_name_twice_is_found_twice() -> None:
    assert containing("milk", ["milk", "bread", "milk"]) == [0, 2]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("buy mlik", ["buy milk"]),
        ("call teh plumber", ["call the plumber"]),
        ("write a novel", []),
    ],
)
def test_similar(words: str, found: list[str]) -> None:
    assert [NAMES[index] for index in similar(words, NAMES)][:1] == found


def test_nothing_is_found_among_nothing() -> None:
    assert containing("milk", []) == similar("milk", []) == nearest("milk", []) == []


def test_the_nearest_names_each_once() -> None:
    assert nearest("buy butter", ["buy milk", "buy milk", "zzz"]) == ["buy milk"]
    assert nearest("camping trip", ["jam"]) == [], "three letters within a long name are no name"
