"""Why a text is understood or not, as its author is told."""

from collections.abc import Sequence

import pytest

from ai.commands import Catalogue, CommandSpec, FieldSpec
from ai.sentences.explain import candidates, ties
from tests.ai.commands import small_catalogue

CATALOGUE = small_catalogue()
NAME, TITLE = FieldSpec("name"), FieldSpec("title", description="another text")
SIZE = FieldSpec("size", "choice", choices=("small", "large"))
PAGES = FieldSpec("pages", "integer")


def with_two(one: tuple[FieldSpec, str], other: tuple[FieldSpec, str]) -> Catalogue:
    catalogue = Catalogue()
    for kind, (field, sentence) in (("book", one), ("film", other)):
        catalogue.add(CommandSpec(kind, "add", "Add.", (field,), (sentence,)))
    return catalogue


@pytest.mark.parametrize(
    ("text", "action", "sentence", "why"),
    [
        ("add milk to my tasks", "add", "add {name} to my tasks", ""),
        (
            "add milk to tasks",
            "add",
            "add {name} to my tasks",
            "“add milk to” it wants my, not “tasks”",
        ),
        ("complete", "complete", "complete {name}", "behind “complete” it wants {name}"),
        ("milk is done?", "complete", "{name} is done", "it is a question"),
        (
            "complete all of it",
            "complete",
            "complete {name}",
            "“all of it” is not sure to be a name",
        ),
        (
            "remind me to call mum tomorrow tomorrow at 5",
            "add",
            "remind me to {name} {due}",
            "“call mum tomorrow” holds a time beside another",
        ),
        (
            "move milk to my shopping list and add eggs to my tasks",
            "move",
            "move {name} to my {list} list",
            "“move milk to my shopping list” it wants no more, not “and add eggs to my tasks”",
        ),
    ],
)
def test_each_sentence_says_where_it_stops(text: str, action: str, sentence: str, why: str) -> None:
    found = {(one.spec.action, one.sentence): one.why for one in candidates(CATALOGUE, text)}
    assert why in found[action, sentence]
    assert bool(why) == bool(found[action, sentence])


def test_the_best_comes_first() -> None:
    found = candidates(CATALOGUE, "add a letter to mum to my tasks")
    assert (found[0].spec.action, found[0].fields) == ("add", {"name": "a letter to mum"})
    assert all(one.why for one in found[1:])


@pytest.mark.parametrize("text", ["", " ", "?", "xyzzy plugh", "\N{NO-BREAK SPACE}" * 9])
def test_what_no_sentence_begins_like_has_no_candidates(text: str) -> None:
    assert candidates(CATALOGUE, text) == []


def test_a_long_text_ends_soon() -> None:
    assert candidates(CATALOGUE, "add " + "to my tasks and tomorrow at 5 " * 120)


@pytest.mark.parametrize(
    ("one", "other", "such_as"),
    [
        ((NAME, "add {name} now"), (NAME, "add {name} now"), "add blue moon now"),
        ((NAME, "add {name} now"), (TITLE, "(add|put) {title} [right] now"), "add blue moon now"),
        ((NAME, "add {name} now"), (SIZE, "add {size} now"), "add small now"),
        ((NAME, "add {name} now"), (PAGES, "add {pages} now"), "add 3 now"),
        ((NAME, "what's {name}"), (TITLE, "what is {title}"), "what's blue moon"),
    ],
)
def test_sentences_that_are_said_in_the_same_words_are_told(
    one: tuple[FieldSpec, str], other: tuple[FieldSpec, str], such_as: str
) -> None:
    catalogue = with_two(one, other)
    (line,) = ties(catalogue)
    assert "book add" in line
    assert "film add" in line
    assert f"such as “{such_as}”" in line
    told: Sequence[str] = [one.why for one in candidates(catalogue, such_as)]
    assert told == ["it fits, but is said in the same words as another"] * 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((NAME, "add {name} now"), (TITLE, "add {title}")),
        ((NAME, "add {name} now"), (TITLE, "add the film {title} now")),
        ((SIZE, "add {size} now"), (PAGES, "add {pages} now")),
    ],
)
def test_sentences_of_which_one_fits_better_are_no_tie(
    one: tuple[FieldSpec, str], other: tuple[FieldSpec, str]
) -> None:
    assert ties(with_two(one, other)) == []


def test_ways_to_say_one_command_are_no_tie() -> None:
    catalogue = Catalogue()
    catalogue.add(CommandSpec("book", "add", "Add.", (NAME,), ("add {name}", "(add|put) {name}")))
    assert ties(catalogue) == []
