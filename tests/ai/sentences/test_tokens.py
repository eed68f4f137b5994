"""Words, politeness and slips of the fingers."""

import pytest

from ai.sentences.tokens import order_end, order_starts, slips, split


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("lsit", ["list"]),  # two letters swapped
        ("lisst", ["list"]),  # one twice
        ("remnd", ["remind"]),  # one missing
        ("remimd", ["remind"]),  # a neighbouring key
        ("ilst", ["list"]),
        ("list", []),  # right as it is
        ("lost", []),  # another word
        ("lit", []),
        ("lst", []),  # too short to tell
        ("lists", []),  # an ending
        ("reminds", []),
        ("rewind", []),  # keys that lie apart
        ("remindx", []),
        ("kist", []),  # the first letter is mostly right
        ("remindde", []),  # two slips
    ],
)
def test_slips_are_told_from_other_words(word: str, meant: list[str]) -> None:
    assert [*slips(word, frozenset({"list", "remind"}))] == meant


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the laundry's done", ["the", "laundry", "is", "done"]),
        ("mum's all finished", ["mum", "is", "all", "finished"]),
        ("mum's cake", ["mum's", "cake"]),
        ("it's done", ["it", "is", "done"]),
        ("'s done", ["s", "done"]),
    ],
)
def test_an_s_before_done_is_no_possessive(text: str, words: list[str]) -> None:
    assert [word.text for word in split(text)] == words


def test_a_missing_ending_is_no_slip() -> None:
    assert slips("delete", frozenset({"deleted"})) == ()


def test_the_pieces_of_a_contraction_lie_side_by_side() -> None:
    text = "What\N{RIGHT SINGLE QUOTATION MARK}s UP? I can't!"
    assert [(w.text, text[w.start : w.end], w.is_glued) for w in split(text)] == [
        ("what", "What", False),
        ("is", "\N{RIGHT SINGLE QUOTATION MARK}s", True),
        ("up", "UP?", False),
        ("i", "I", False),
        ("can", "can", False),
        ("not", "'t!", True),
    ]


@pytest.mark.parametrize(
    ("text", "starts", "end"),
    [
        ("list", [0], 1),
        ("please list", [0, 1], 2),
        ("hey bot can you please list", [0, 2, 4, 5], 6),
        ("list please thanks", [0], 1),
        ("say please", [0], 2),
        ("thanks", [0], 1),
        ("hi", [0], 1),
        ("please " * 500 + "list", [0, 1, 2, 3, 4, 5], 501),
        ("", [], 0),
    ],
)
def test_politeness_stands_around_an_order(text: str, starts: list[int], end: int) -> None:
    assert (order_starts(split(text)), order_end(split(text))) == (starts, end)


def test_a_two_is_a_word_where_something_to_do_follows() -> None:
    assert [word.text for word in split("remind me 2 call dad")][2] == "to"
    assert [word.text for word in split("remind me 2 days before easter")][2] == "2"
    assert split("2 eggs")[0].text == "2"
