"""Words that mean the same in every command's sentences, so that authors write but one of them."""

from collections.abc import Iterator, Mapping

OPENINGS: tuple[tuple[str, ...], ...] = (
    ("show", "list", "read", "read me", "read out", "tell me", "give me", "display", "view", "see"),
    ("delete", "remove", "erase", "get rid of", "cross off", "scrap", "scratch", "del"),
    ("complete", "tick off", "check off"),
    ("remind me", "ping me", "nudge me", "alert me", "notify me"),
    ("stop", "end", "quit"),
    ("turn on", "switch on", "enable", "activate"),
    ("turn off", "switch off", "disable", "deactivate"),
)
"""Said for each other at the beginning of a sentence."""

ANYWHERE: tuple[tuple[str, ...], ...] = (
    ("called", "named", "titled"),
    ("my", "the", "our"),
)
"""Said for each other behind the first word."""

Phrase = tuple[str, ...]


def synonyms(
    words: list[str], at: int, more: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[int, Phrase]]:
    """Yield how many words at a place may be said otherwise, and each way to say them.

    `more` are the synonyms that a command's module adds: {"delete": ("bin", "throw away")}.
    """
    classes = ANYWHERE if at else (*OPENINGS, *((word, *said) for word, said in more.items()))
    for members in classes:
        for member in members:
            phrase = tuple(member.split())
            if tuple(words[at : at + len(phrase)]) == phrase:
                own = more.get(member, ()) if not at else ()
                for other in (*members, *own):
                    if other != member:
                        yield len(phrase), tuple(other.split())
