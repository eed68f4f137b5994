"""Text on its way to a person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text import BOLD_LIMIT, DISCORD_LIMIT, escape, fences_closed, named, plain, split, unmasked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("*bold* _it_ ~~no~~", r"\*bold\* \_it\_ \~\~no\~\~"),
        ("||spoiler|| `code`", r"\|\|spoiler\|\| \`code\`"),
        ("[click](http://evil.example)", r"\[click\](http://evil.example)"),
        ("<@1234> <#5> <t:0>", r"\<@1234> \<#5> \<t:0>"),
        ("# heading\n> quote\n- item\n1. first", "\\# heading\n\\> quote\n\\- item\n1\\. first"),
        ("a\\b", r"a\\b"),
        ("see https://example.com/a_b_c?d=*", r"see https://example.com/a_b_c?d=\*"),
        ("{name} \"quoted\" 'too'", "{name} \"quoted\" 'too'"),
    ],
)
def test_escaped_text_has_no_effect(text: str, shown: str) -> None:
    assert escape(text) == shown
    assert plain(escape(text)) == text


@given(st.text())
def test_whatever_is_escaped_reads_the_same_in_a_terminal(text: str) -> None:
    assert plain(escape(text)) == text


def test_a_name_is_bold_and_on_one_line() -> None:
    assert named("two\n\nlines") == "**two ⏎ lines**"


@pytest.mark.parametrize("name", ["x" * (BOLD_LIMIT + 1), "read https://example.com/a"])
def test_a_long_name_or_a_link_is_not_bold(name: str) -> None:
    assert named(name) == name


def test_a_terminal_shows_no_markup() -> None:
    assert plain("Added **milk**, say `help`") == "Added milk, say help"


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


@given(st.text(alphabet="ab `\n\\*", max_size=400), st.integers(20, 60))
def test_pieces_are_short_and_nothing_is_lost(text: str, limit: int) -> None:
    pieces = split(text, limit)
    assert all(0 < len(piece) <= limit for piece in pieces)
    if "```" not in text:
        assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_reply_of_ten_thousand_characters_arrives_in_order() -> None:
    words = [f"word{number}" for number in range(1500)]
    pieces = split(" ".join(words))
    assert all(len(piece) <= DISCORD_LIMIT for piece in pieces)
    assert " ".join(pieces).split() == words


@pytest.mark.parametrize(
    ("masked", "shown"),
    [
        ("[here](https://evil.example)", "[here] (https://evil.example)"),
        ("[a [b] c](<http://x.example> 'title')", "[a [b] c] (<http://x.example> 'title')"),
        ("[here]( HTTPS://x.example)", "[here] ( HTTPS://x.example)"),
        ("`rows[0](x)` and https://x.example", "`rows[0](x)` and https://x.example"),
    ],
)
def test_links_show_where_they_lead(masked: str, shown: str) -> None:
    assert unmasked(masked) == shown
