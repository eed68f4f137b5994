"""Finding what a person means among their own things."""

import pytest

from bot.matching import candidates, nearest

NAMES = ["buy milk", "Milk the cow", "call mum", "call the plumber", "buy bread"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("buy milk", ["buy milk"]),
        ("BUY  MILK!", ["buy milk"]),
        ("milk", ["buy milk", "Milk the cow"]),
        ("mum", ["call mum"]),
        ("call", ["call mum", "call the plumber"]),
        ("buy mlik", ["buy milk"]),
        ("call teh plumber", ["call the plumber"]),
        ("write a novel", []),
    ],
)
def test_exact_then_contained_then_similar(words: str, found: list[str]) -> None:
    assert [NAMES[index] for index in candidates(words, NAMES)] == found


def test_an_exact_name_wins_over_longer_ones() -> None:
    assert candidates("milk", ["buy milk", "milk"]) == [1]


def test_the_same_name_twice_is_found_twice() -> None:
    assert candidates("milk", ["milk", "bread", "milk"]) == [0, 2]


def test_nothing_is_found_among_nothing() -> None:
    assert candidates("milk", []) == []
    assert nearest("milk", []) == []


def test_the_nearest_names_each_once() -> None:
    assert nearest("buy butter", ["buy milk", "buy milk", "zzz"]) == ["buy milk"]
