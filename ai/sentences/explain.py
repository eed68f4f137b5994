"""Why a text is understood as it is, or not: what each sentence makes of it, for the author."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from textwrap import shorten
from typing import Any

from ai.commands import Catalogue, CommandSpec
from ai.sentences.following import Index, Match, Path
from ai.sentences.matcher import matcher_of
from ai.sentences.references import NO_REFERENCES
from ai.sentences.search import SECOND_ORDER, Attempt, Rank, Steps, TooManySteps, rank
from ai.sentences.templates import Node, build, expansions

TOO_MANY = "it can be read in too many ways"
SAME_WORDS = "it fits, but is said in the same words as another"
MAX_NAMED = 4  # words that may come next
MAX_SHOWN = 40  # characters of the text
MAX_TRIED = 300  # ways to say one sentence


@dataclass(frozen=True)
class Candidate:
    """What one sentence of a command makes of a text."""

    spec: CommandSpec
    sentence: str
    reached: tuple[int, int]  # fixed words that it has in common with the text, and where it ends
    why: str = ""  # the text does not say it
    fields: dict[str, Any] = field(default_factory=dict)
    rank: Rank = (-1, 0, 0, 0)  # of what the text does say


class _Traced(Attempt):
    """An attempt that notes how far it came, and what could have come next there."""

    reached = (0, 0)
    stopped = Node()

    def _follow(self, node: Node, at: int, path: Path) -> Iterator[tuple[CommandSpec, Path]]:
        if (path.literals, at) > self.reached and path.literals:
            self.reached, self.stopped = (path.literals, at), node
        yield from super()._follow(node, at, path)


def candidates(catalogue: Catalogue, text: str) -> list[Candidate]:
    """Return the best sentence of each command that begins as a text does, the best first.

    Of several that fit the first is meant; where others fit as well, none is, and each says so.
    """
    index = matcher_of(catalogue).index
    found = [
        _candidate(index, spec, sentence, text) for spec in catalogue for sentence in spec.sentences
    ]
    best: dict[tuple[str, str], Candidate] = {}
    for one in sorted(found, key=lambda one: (one.rank, one.reached), reverse=True):
        if one.reached[0]:
            best.setdefault(one.spec.key, one)
    ranks = [one.rank for one in best.values()]
    return [one if one.why else replace(one, why=_beside(one.rank, ranks)) for one in best.values()]


def _beside(good: Rank, ranks: list[Rank]) -> str:
    """Say what a sentence that fits is beside the others; nothing for the only best."""
    if good < max(ranks):
        return "it fits, but another fits better"
    return SAME_WORDS if ranks.count(good) > 1 else ""


def _candidate(index: Index, spec: CommandSpec, sentence: str, text: str) -> Candidate:
    """Try a sentence as if there were no other."""
    attempt = _Traced(index, text, NO_REFERENCES, Steps())
    try:
        readings = [*attempt.readings(build([replace(spec, sentences=(sentence,))]))]
        reached = attempt.reached
        said = [(rank(one, path), one, path) for path, one in readings if isinstance(one, Match)]
        if said:
            good, match, path = max(said, key=lambda one: one[0])
            if not attempt.has_second_order(path):
                return Candidate(spec, sentence, reached, "", match.fields, good)
            return Candidate(spec, sentence, reached, SECOND_ORDER)
    except TooManySteps:
        return Candidate(spec, sentence, attempt.reached, TOO_MANY)
    refused = [why for _, why in readings if isinstance(why, str)]
    return Candidate(spec, sentence, reached, refused[0] if refused else _parting(attempt))


def _parting(attempt: _Traced) -> str:
    """Say where a sentence and a text part, and how the sentence would go on."""
    words, node, at = attempt.words, attempt.stopped, attempt.reached[1]
    nexts = [*node.literals, *(f"{{{one.name}}}" for one in node.slots)]
    more = ["..."] if len(nexts) > MAX_NAMED else []
    wanted = " or ".join(nexts[:MAX_NAMED] + more) or "no more"
    said = attempt.text[: words[at - 1].end] if at else ""
    behind = f"behind “{shorten(said, MAX_SHOWN)}” it wants {wanted}"
    if at == attempt.end:
        return behind
    return f"{behind}, not “{shorten(attempt.text[words[at].start :], MAX_SHOWN)}”"


def ties(catalogue: Catalogue) -> list[str]:
    """Return what is said in the same words as something else, so that neither is understood.

    Each way to say each sentence is tried with a value in each slot; one line a pair of commands.
    """
    index = matcher_of(catalogue).index
    told: dict[frozenset[CommandSpec], str] = {}
    for spec in catalogue:
        values = {f"{{{one.name}}}": one.sample or "blue moon" for one in spec.parsed_fields}
        for sentence in spec.sentences:
            for words in islice(expansions(spec, sentence), MAX_TRIED):
                text = " ".join(values.get(word, word) for word in words)
                meant = _meant(index, text)
                for other in meant - {spec} if spec in meant else ():
                    told.setdefault(
                        frozenset((spec, other)),
                        f"{' '.join(spec.key)} (“{sentence}”) and {' '.join(other.key)} are said "
                        f"in the same words, such as “{text}”: neither is understood then",
                    )
    return [*told.values()]


def _meant(index: Index, text: str) -> set[CommandSpec]:
    """Return the commands that share the best way to read a text: one, if it is understood."""
    try:
        readings = [*Attempt(index, text, NO_REFERENCES, Steps()).readings(index.root)]
    except TooManySteps:
        return set()
    said = [(rank(one, path), one.spec) for path, one in readings if isinstance(one, Match)]
    best = max((good for good, _ in said), default=None)
    return {spec for good, spec in said if good == best}
