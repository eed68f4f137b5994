"""Local understanding: which command a text says, without a model, in well under a millisecond.

A wrong match is worse than none, so only an unambiguous one counts.
"""

from collections.abc import Collection, Iterator

from rapidfuzz import fuzz, process
from rapidfuzz.utils import default_process

from ai.catalogue import Catalogue
from ai.matching import Attempt, Index, Match
from ai.templates import Node, build, ways

__all__ = ["Match", "Matcher"]


class Matcher:
    """Matches texts against the sentences of a catalogue; rebuilt when the catalogue changes."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Build the index. Raises SentenceError where a sentence can't be used."""
        self._catalogue = catalogue
        self._version = -1
        self.refresh()

    def refresh(self) -> None:
        """Read the catalogue again if it changed. Raises SentenceError."""
        if self._version == self._catalogue.version:
            return
        root = build(self._catalogue)
        self._index = Index(root, frozenset(_literals(root)), _verbs(self._catalogue))
        self._shown = {
            " ".join(next(ways(spec, sentence))).replace("{", "<").replace("}", ">"): spec
            for spec in self._catalogue
            for sentence in spec.sentences
        }
        self._version = self._catalogue.version

    def match(self, text: str) -> Match | None:
        """Return the one command that the text says, or None."""
        self.refresh()
        return Attempt(self._index, text).best()

    def nearest(
        self, text: str, count: int = 3, *, allowed: Collection[tuple[str, str]] | None = None
    ) -> list[str]:
        """Return the sentences most like the text, as a person would read them, one a command."""
        self.refresh()
        found = process.extract(
            text, [*self._shown], scorer=fuzz.token_set_ratio, processor=default_process, limit=None
        )
        nearest: dict[tuple[str, str], str] = {}
        for sentence, _, _ in found:
            key = self._shown[sentence].key
            if allowed is None or key in allowed:
                nearest.setdefault(key, sentence)
        return [*nearest.values()][:count]


def _literals(node: Node) -> Iterator[str]:
    yield from node.literals
    for child in (*node.literals.values(), *node.slots.values()):
        yield from _literals(child)


def _verbs(catalogue: Catalogue) -> frozenset[str]:
    """Return the words that open a command's first sentence right before a slot, like "add"."""
    firsts = (
        words for spec in catalogue if spec.sentences for words in ways(spec, spec.sentences[0])
    )
    return frozenset(words[0] for words in firsts if len(words) > 1 and words[1].startswith("{"))
