"""Text on its way to a person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.markdown import BOLD_LIMIT, escape, named, plain, unmasked


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
