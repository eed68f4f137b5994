"""Local understanding: which command a text says, without a model, in well under a millisecond.

A wrong match is worse than none, so only an unambiguous one counts.
"""

import threading
from collections.abc import Collection, Iterator
from dataclasses import replace
from weakref import WeakValueDictionary

from rapidfuzz import fuzz, process
from rapidfuzz.utils import default_process

from ai.commands import Catalogue, CommandSpec
from ai.sentences import wording
from ai.sentences.corrections import amend
from ai.sentences.following import Index, Match
from ai.sentences.near import bag, near
from ai.sentences.references import NO_REFERENCES, References
from ai.sentences.search import MAX_LENGTH, Attempt, Steps, TooManySteps
from ai.sentences.templates import Node, build, expansions
from ai.sentences.tokens import fold

__all__ = ["MAX_ORDERS", "Match", "Matcher", "matcher_of"]

MAX_ORDERS = 5  # in one message
MAX_IN_A_ROW = 20  # names that an order is said with at once
LEAST_LIKE = 50  # rapidfuzz's score, of 100, below which a sentence has nothing to do with a text
MAX_NEAREST = 300  # characters that are compared to find the nearest sentences
MAX_ATTEMPTS = 16  # at cutting a message into orders; one with more joints is left to the model


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
        specs = {spec.key: spec for spec in self._catalogue}
        self._index = Index(root, frozenset(_literals(root)), _verbs(self._catalogue), specs)
        said = {(fixed, shown): spec.key for spec in specs.values() for fixed, shown in _said(spec)}
        self._shown = [(shown, key) for (_, shown), key in said.items()]
        self._fixed = [default_process(fixed) for fixed, _ in said]
        loose = [replace(one, sentences=one.sentences + one.near) for one in self._catalogue]
        self._unsure = replace(self._index, root=build(loose))
        self._bags = _bags(self._catalogue)
        self._version = self._catalogue.version

    @property
    def index(self) -> Index:
        """The sentences, ready to be matched."""
        self.refresh()
        return self._index

    def match(self, text: str, references: References = NO_REFERENCES) -> Match | None:
        """Return the one command that the text says, or None."""
        matches = self.match_all(text, references)
        return matches[0] if len(matches) == 1 else None

    def match_all(self, text: str, references: References = NO_REFERENCES) -> list[Match]:
        """Return the commands that the text says, in its order; none where one is not certain."""
        self.refresh()
        if len(text) > MAX_LENGTH:
            return []
        try:
            found = self._orders(text, references, [MAX_ATTEMPTS], Steps(), goes_on=False)
        except TooManySteps:
            return []
        if len(found) != 1:
            return []
        in_a_row = any(one.each for match in found[0] for one in match.spec.fields)
        return found[0] if len(found[0]) <= (MAX_IN_A_ROW if in_a_row else MAX_ORDERS) else []

    def near(self, text: str, references: References = NO_REFERENCES) -> Match | None:
        """Return the one command that the text nearly says, to be offered, or None."""
        matches = self.near_all(text, references)
        return matches[0] if len(matches) == 1 else None

    def near_all(self, text: str, references: References = NO_REFERENCES) -> list[Match]:
        """Return what the text nearly says: one command, for several things if they stand so."""
        self.refresh()
        if len(text) > MAX_NEAREST:
            return []
        return near(self._index, self._unsure, self._bags, text, references)

    def _orders(
        self,
        text: str,
        references: References,
        attempts_left: list[int],
        steps: Steps,
        *,
        goes_on: bool,
    ) -> list[list[Match]]:
        """Return every way to take the text for orders: as one, or else cut in several."""
        if attempts_left[0] <= 0:
            return []
        attempts_left[0] -= 1
        attempt = Attempt(self._index, text, references, steps)
        if one := attempt.orders():
            return [one]
        specs = self._index.specs.values()
        if changed := amend(text, references, attempt.pointer, specs, goes_on=goes_on):
            return [[changed]]
        found: list[list[Match]] = []
        for end, start in attempt.cuts():
            attempts_left[0] -= 1
            first = Attempt(self._index, text[:end], references, steps).orders()
            if not first or attempts_left[0] < 0:
                continue
            after = replace(references, last=first[-1].command)
            rest = self._orders(text[start:], after, attempts_left, steps, goes_on=True)
            all_of_it = ([*first, *others] for others in rest)
            found += [orders for orders in all_of_it if orders not in found]
        return found

    def nearest(
        self, text: str, count: int = 3, *, allowed: Collection[tuple[str, str]] | None = None
    ) -> list[str]:
        """Return what help shows of the commands whose sentences are like the text, if any are."""
        near = self.nearest_commands(text, allowed=allowed, least=LEAST_LIKE)
        return [*near.values()][:count]

    def nearest_commands(
        self,
        text: str,
        *,
        allowed: Collection[tuple[str, str]] | None = None,
        least: float = 0,
    ) -> dict[tuple[str, str], str]:
        """Return all commands, the nearest first, each with a sentence that help shows of it.

        None are returned where not even the nearest sentence reaches `least`, of 100.
        """
        self.refresh()
        found = process.extract(
            default_process(text[:MAX_NEAREST]),
            self._fixed,
            scorer=fuzz.token_set_ratio,
            limit=None,
        )
        nearest: dict[tuple[str, str], str] = {}
        if not found or found[0][1] < least:
            return nearest
        for _, _, number in found:
            sentence, key = self._shown[number]
            if allowed is None or key in allowed:
                nearest.setdefault(key, sentence)
        return nearest


def matcher_of(catalogue: Catalogue) -> Matcher:
    """Return the matcher of a catalogue, one for all who ask: its index takes long to build.

    It is large, and goes with the last who keep it. Raises SentenceError.
    """
    with _building:
        matcher = _matchers.get(catalogue)
        if matcher is None:
            matcher = _matchers[catalogue] = Matcher(catalogue)
        return matcher


_building = threading.Lock()  # so that those who ask at the same moment build it once
_matchers: WeakValueDictionary[Catalogue, Matcher] = WeakValueDictionary()


def _said(spec: CommandSpec) -> Iterator[tuple[str, str]]:
    """Yield the fixed words of each sentence, and the sentence to show where it is the nearest.

    That is one of those in the help, which are written to be read, that says the same or nearly so.
    """
    samples = {f"{{{field.name}}}": field.sample or "…" for field in spec.fields}
    told = [*wording.shown(spec)]
    for sentence in spec.sentences:
        words = next(expansions(spec, sentence))
        slots = samples.keys() & {*words}
        shown, _ = min(told, key=lambda one: len(one[1] ^ slots))
        read = wording.joined(samples.get(word, word) for word in next(expansions(spec, shown)))
        yield " ".join(word for word in words if word not in samples), read


def _bags(catalogue: Catalogue) -> dict[frozenset[str], Match | None]:
    """Return the sentences without slots by their words in no order; None for two commands'."""
    found: dict[frozenset[str], Match | None] = {frozenset(): None}
    for spec in catalogue:
        for sentence in spec.sentences:
            for words in expansions(spec, sentence):
                if not any(word[0] == "{" for word in words):
                    match = found.setdefault(bag(map(fold, words)), Match(spec))
                    if match is not None and match.spec != spec:
                        found[bag(map(fold, words))] = None
    return found


def _literals(node: Node) -> Iterator[str]:
    yield from node.literals
    for child in (*node.literals.values(), *node.slots.values()):
        yield from _literals(child)


def _verbs(catalogue: Catalogue) -> frozenset[str]:
    """Return the words that open a command's first sentence right before a slot, like "add"."""
    firsts = (
        words
        for spec in catalogue
        if spec.sentences
        for words in expansions(spec, spec.sentences[0])
    )
    return frozenset(words[0] for words in firsts if len(words) > 1 and words[1].startswith("{"))
