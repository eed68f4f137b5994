"""Replies cut into messages: nothing is lost, and what belongs together stays together."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.markdown import DISCORD_LIMIT, Piece, cut, fences_closed, plain, split


def test_a_short_text_is_one_piece() -> None:
    assert split("hello") == ["hello"]


@pytest.mark.parametrize("text", ["", " \n "])
def test_nothing_is_no_piece(text: str) -> None:
    assert split(text) == []


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("first paragraph\n\nsecond one", ["first paragraph", "second one"]),
        ("first line is\nsecond line", ["first line is", "second line"]),
        ("some words in a row", ["some words in a", "row"]),
        ("x" * 30, ["x" * 18, "x" * 12]),
        ("x" * 17 + r"\*y", ["x" * 17, r"\*y"]),
    ],
)
def test_cut_where_it_hurts_least(text: str, pieces: list[str]) -> None:
    assert split(text, 18) == pieces


def test_a_fence_that_fits_stays_whole() -> None:
    fence = "```py\n1\n\n2\n```"
    assert split(f"some words\n\n{fence}\n\nmore words", 20) == ["some words", fence, "more words"]


def test_words_before_a_fence_go_with_it_where_it_fits() -> None:
    assert split("a b\n```\n1\n```", 20) == ["a b\n```\n1\n```"]


def test_a_fence_in_the_middle_of_a_line_of_text_is_reached_by_characters() -> None:
    assert split("x" * 12 + "\n```\n1234567890\n```", 20) == ["x" * 12, "```\n1234567890\n```"]


def test_a_fence_that_is_too_long_is_closed_and_opened_again() -> None:
    pieces = split("```py\n" + "\n".join(f"line{n}" for n in range(6)) + "\n```", 30)
    assert pieces == ["```py\nline0\nline1\nline2\n```", "```py\nline3\nline4\nline5\n```"]


def test_a_line_that_is_too_long_for_a_fence_is_cut() -> None:
    pieces = split("```\n" + "x" * 40 + "\n```", 28)
    assert pieces == [f"```\n{'x' * 20}\n```", f"```\n{'x' * 20}\n```"]


def test_code_on_one_line_opens_no_fence() -> None:
    assert split("```x```\n\nsome words behind it", 20) == ["```x```", "some words behind it"]


def test_a_fence_in_a_list_stays_whole_too() -> None:
    fence = "  ```py\n  1\n\n  2\n  ```"
    assert split(f"1. words\n{fence}\n2. more", 26) == ["1. words", fence, "2. more"]


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("words", "words"),
        ("```py\nx = 1", "```py\nx = 1\n```"),
        ("```\nx\n```\nwords", "```\nx\n```\nwords"),
        ("```\nx\n```\n```\ny", "```\nx\n```\n```\ny\n```"),
        ("```one``` line", "```one``` line"),
    ],
)
def test_a_fence_of_which_the_end_is_still_missing_is_closed(text: str, closed: str) -> None:
    assert fences_closed(text) == closed


def test_a_fence_that_is_never_closed_is_split_too() -> None:
    assert all(len(piece) <= 20 for piece in split("```\n" + "word\n" * 20, 20))


def test_a_reply_of_ten_thousand_characters_arrives_in_order() -> None:
    words = [f"word{number}" for number in range(1500)]
    pieces = split(" ".join(words))
    assert all(len(piece) <= DISCORD_LIMIT for piece in pieces)
    assert " ".join(pieces).split() == words


# Tokens

TOKENS = [
    "**bold words**",
    "***bold italics***",
    "__underlined words__",
    "~~struck words~~",
    "||hidden words||",
    "||**hidden and bold** words||",
    "`some code`",
    "``code with ` in it``",
    "```py\ncode\n\nmore\n```",
    "````md\n```\ncode\n```\n````",
    "<:some_emoji:1234567890>",
    "<a:emoji:1234567890>",
    "<@1234567890>",
    "<@&1234567890>",
    "<#1234567890>",
    "<t:1234567890:R>",
    "</task add:1234567890>",
    "[some label](https://example.com/a)",
    "https://example.com/a?b=c&d=e",
    "<https://example.com/some>",
    r"\*",
]


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("around", [" ", "\n", "x"])
def test_a_token_is_never_cut(token: str, around: str) -> None:
    for before in range(60):
        text = f"{'word ' * 12}{'y' * before}{around}{token}{around}{'more ' * 12}"
        pieces = [piece.body for piece in cut(text, 60)]
        assert any(token in piece for piece in pieces), pieces
        assert "".join(pieces) == text


def test_a_fence_of_tildes_is_never_cut() -> None:
    token = "~~~\nsome code\n\nmore\n~~~"
    for before in range(60):
        text = f"{'word ' * 12}{'y' * before}\n{token}\n{'more ' * 12}"
        assert any(token in piece.body for piece in cut(text, 60))


def seen(piece: str) -> str:
    """What Discord shows of a message before any spoiler is clicked."""
    return re.sub(r"\|\|.+?\|\|", "", piece, flags=re.DOTALL)


@pytest.mark.parametrize("gap", ["", " ", "\n\n"])
def test_a_spoiler_that_is_too_long_stays_hidden(gap: str) -> None:
    secret = "".join(f"secret{number}{gap}" for number in range(100))
    shown = [
        re.sub(r"\|\|.+?\|\|", "", piece, flags=re.S) for piece in split(f"a ||{secret}|| b", 80)
    ]
    assert "".join(shown).split() == ["a", "b"]


def test_a_spoiler_around_a_fence_stays_hidden_too() -> None:
    text = f"||look:\n```py\n{'secret = 1' * 60}\n```\n||"
    for piece in split(text, 100):
        assert not seen(piece).strip()


@pytest.mark.parametrize("length", [1987, 1990, 1992, 1995, 1998, 2000, 2500])
@pytest.mark.parametrize("mark", ["```", "````", "~~~", "``", "**", "||", "[", "<", "\\"])
def test_an_opening_that_is_nearly_too_long_makes_few_pieces(mark: str, length: int) -> None:
    text = mark + "x" * length + "\n" + "code\n" * 500 + mark
    pieces = split(text)
    assert all(len(piece) <= DISCORD_LIMIT for piece in pieces)
    assert len(pieces) <= 6


PARTS = st.sampled_from(
    [
        *TOKENS,
        *"ab `*_~|<>[]()\\\n",
        "```",
        "````",
        "~~~",
        "||",
        "**",
        "__",
        "\n\n",
        "word ",
        "x" * 30,
    ]
)
TEXTS = st.lists(PARTS, max_size=60).map("".join) | st.text(max_size=300)


@given(TEXTS, st.integers(40, 90))
def test_pieces_are_short_few_and_joined_are_the_text(text: str, limit: int) -> None:
    pieces = [*cut(text, limit)]
    assert "".join(piece.body for piece in pieces) == text
    assert all(len(str(piece)) <= limit and piece.body for piece in pieces if text)
    assert len(pieces) <= 6 * len(text) / limit + 2
    assert all(0 < len(piece) <= limit for piece in split(text, limit))


@given(TEXTS)
def test_what_is_still_being_written_can_be_closed(text: str) -> None:
    assert fences_closed(text).startswith(text)


HOSTILE = [
    *("```", "`", "``\n", "```\n", "````\n", "~~~\n", "**", "||", "|| ", "__", "[", "](", "[a]("),
    *("<", "<@", "<:a:", "\\", "\n", " ", "http://", "x", "**a ||b ", "`a``b", "> ", "[x](y) "),
    "a\u0301",
]


@pytest.mark.parametrize("part", HOSTILE)
def test_no_text_takes_long(part: str) -> None:
    def seconds(length: int) -> float:
        began = time.thread_time()
        split(part * (length // len(part)))
        return time.thread_time() - began

    assert min(seconds(4000) for _ in range(3)) < 0.15  # a third of that on a quiet machine
    assert seconds(200_000) < 20  # in a square it would be minutes


def test_a_piece_is_its_parts() -> None:
    assert str(Piece("```\n", "x", "\n```")) == "```\nx\n```"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**a** `b` \\*c", "a b *c"),
        (
            "See:\n```py\nx = a**b  # `c` \\*\n```\n**so**",
            "See:\n```py\nx = a**b  # `c` \\*\n```\nso",
        ),
        ("```\nstill being **written", "```\nstill being **written"),
        ("```on one line```", "on one line"),
        ("```\n1\n```\n**and**\n```\n2\n```", "```\n1\n```\nand\n```\n2\n```"),
        ("a ```b\n**c**", "a b\nc"),
    ],
)
def test_a_terminal_shows_code_in_its_fences_and_no_other_marks(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize(
    "text", ["```\n" * 50_000, "`" * 200_000, " " * 200_000 + "```\n", "\n```x" * 50_000]
)
def test_a_terminal_shows_the_longest_texts_in_no_time(text: str) -> None:
    began = time.monotonic()
    plain(text)
    assert time.monotonic() - began < 20
