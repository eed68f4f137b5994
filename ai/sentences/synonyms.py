"""Words that mean the same in every command's sentences, so that authors write but one of them."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

OPENINGS: tuple[tuple[str, ...], ...] = (
    (
        *("show", "list", "read", "read me", "read out", "tell me", "give me", "display", "view"),
        *("see", "open", "pull up", "bring up", "can i see", "could i see", "let me see"),
        *("find", "repeat", "recite", "go over", "go through", "run through"),
    ),
    (
        *("delete", "remove", "erase", "get rid of", "cross off", "cross out", "strike out"),
        *("scrap", "scratch", "del"),
    ),
    ("complete", "tick off", "check off", "mark off"),
    ("add", "append", "save"),
    ("put", "stick", "pop", "throw", "chuck", "toss", "include", "shove", "slap", "bung"),
    (
        *(
            "remind me",
            "remind us",
            "ping me",
            "nudge me",
            "alert me",
            "notify me",
            "rmd me",
            "poke me",
        ),
        *("reminding me", "nag me", "bug me", "pester me", "buzz me", "prompt me", "remember me"),
        *("text me", "message me", "dm me", "let me know", "give me a reminder"),
    ),
    ("set", "set up"),
    ("i", "we"),
    ("what", "which"),
    ("make", "create"),
    ("stop", "end", "quit"),
    ("turn on", "switch on", "enable", "activate"),
    ("turn off", "switch off", "disable", "deactivate"),
)
"""Said for each other at the beginning of a sentence."""

ANYWHERE: tuple[tuple[str, ...], ...] = (
    ("called", "named", "titled"),
    ("my", "the", "our", "my whole", "the whole", "our whole", "the entire", "my entire"),
    ("a", "an", "the"),
    ("new", "blank", "fresh"),
    ("to-do", "todo", "to do"),
    ("to-do list", "task list", "reminder list", "list of things to do", "list of tasks"),
    ("to-dos", "todos", "to dos"),
    ("reminder", "nudge", "alert"),
    ("timer", "countdown"),
    ("anything", "something", "stuff"),
    ("till", "til", "until"),
    ("alarm", "alarm clock", "wake up alarm", "wake-up call"),
    ("a reminder", "reminding", "to be reminded"),
    ("let me forget", "let me miss"),
    ("me", "us"),
    ("i", "we"),
)
"""Said for each other behind the first word."""

Phrase = tuple[str, ...]
Table = dict[str, list[tuple[Phrase, list[Phrase]]]]
"""By the first word of a phrase: the phrase, and what may be said in its place."""


def synonyms(
    words: list[str], at: int, more: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[int, list[Phrase]]]:
    """Yield how many words at a place may be said otherwise, and the ways to say them.

    `more` are the synonyms that a command's module adds: {"delete": ("bin", "throw away")}.
    """
    opens = at == 0 or (at == 1 and words[0][0] == "{")  # "at 7 ping me to ..."
    table = _openings(tuple(more.items())) if opens else _ANYWHERE
    for phrase, others in table.get(words[at], ()):
        if tuple(words[at : at + len(phrase)]) == phrase:
            yield len(phrase), others


@lru_cache(maxsize=256)
def _openings(more: tuple[tuple[str, tuple[str, ...]], ...]) -> Table:
    """Return what may be said for the first words, with what one module adds."""
    return _table((*OPENINGS, *((word, *said) for word, said in more)), dict(more))


def _table(classes: Iterable[tuple[str, ...]], more: Mapping[str, tuple[str, ...]]) -> Table:
    table: Table = {}
    for members in classes:
        for member in members:
            phrase = tuple(member.split())
            said = (*members, *more.get(member, ()))
            others = [tuple(other.split()) for other in said if other != member]
            table.setdefault(phrase[0], []).append((phrase, others))
    return table


_ANYWHERE = _table(ANYWHERE, {})
