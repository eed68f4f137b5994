"""The sentences of all commands as one tree of words and slots.

The templates are written in hassil's language (optional words in brackets, alternatives, slots
in braces); hassil spells out each way to say them. They are matched word by word here, and not
by hassil's own matcher: that one lets free text swallow the date behind it and takes a slip in
a fixed word for another sentence.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice, pairwise

from hassil.errors import HassilError
from hassil.parse_expression import parse_sentence
from hassil.parser import ParseError
from hassil.sample import sample_expression

from ai.commands import CommandSpec, FieldSpec
from ai.sentences.synonyms import Phrase, synonyms
from ai.sentences.tokens import fold, split

MAX_WAYS = 2000
COLON = ":"
"""In a sentence, it must stand in the text as well: "{list_name} list: {name}"."""
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass
class Node:
    """What may come next in a sentence, and the commands whose sentence is complete here."""

    literals: dict[str, "Node"] = field(default_factory=dict)
    slots: dict[FieldSpec, "Node"] = field(default_factory=dict)
    complete: list[CommandSpec] = field(default_factory=list)
    synonyms: dict[str, dict[Phrase, list["Node"]]] = field(default_factory=dict)  # by first word

    def otherwise(self, phrase: Phrase, node: "Node") -> None:
        """Let a phrase lead where other words lead; the words themselves stay the better ones."""
        nodes = self.synonyms.setdefault(phrase[0], {}).setdefault(phrase, [])
        if all(one is not node for one in nodes):
            nodes.append(node)


class SentenceError(ValueError):
    """A command's sentence can't be used; the message names both and says why."""


def expansions(spec: CommandSpec, sentence: str) -> Iterator[list[str]]:
    """Spell out every way to say a sentence, each as a list of words and `{slots}`.

    Raises SentenceError where the sentence is malformed or names an unknown field.
    """
    try:
        ways = _ways(sentence)
    except (HassilError, ParseError, AssertionError) as error:
        raise _problem(spec, sentence, f"can't be read ({error})") from error
    if len(ways) > MAX_WAYS:
        raise _problem(spec, sentence, f"can be said in more than {MAX_WAYS} ways; split it")
    for way in dict.fromkeys(ways):
        words = [*way]
        _check(spec, sentence, words)
        yield words


@lru_cache(maxsize=4096)
def _ways(sentence: str) -> tuple[tuple[str, ...], ...]:
    """Return the ways to say a sentence as words and slots, one more than allowed at the most."""
    expression = parse_sentence(sentence).expression
    said = islice(sample_expression(expression, expand_lists=False), MAX_WAYS + 1)
    spaced = (_SLOT.sub(r" {\1} ", text).replace(COLON, f" {COLON} ").split() for text in said)
    return tuple(
        tuple(word for word in words if fold(word) or _SLOT.fullmatch(word) or word == COLON)
        for words in spaced
    )


@lru_cache(maxsize=4096)
def _slot(word: str) -> str | None:
    """Return the name of the field that a word stands for, or None for a fixed word."""
    match = _SLOT.fullmatch(word)
    return match[1] if match else None


@lru_cache(maxsize=4096)
def _parts(word: str) -> tuple[str, ...]:
    """Return a word as it is compared: a slot as it is, a contraction as two."""
    return (
        (word,)
        if _SLOT.fullmatch(word) or word == COLON
        else tuple(one.text for one in split(word))
    )


def _check(spec: CommandSpec, sentence: str, words: list[str]) -> None:
    fields = {field.name: field for field in spec.fields}
    slots = [_slot(word) for word in words]
    named = [name for name in slots if name]
    for name in named:
        if name not in fields:
            raise _problem(spec, sentence, f"names {{{name}}}, which is none of its fields")
        if fields[name].kind == "secret":
            raise _problem(
                spec, sentence, f"names {{{name}}}, a secret that is never said in a sentence"
            )
        if named.count(name) > 1 and not fields[name].is_time:  # two times may be one, or one each
            raise _problem(spec, sentence, f"names {{{name}}} twice")
    times = [fields[name].is_time for name in named]
    is_with_time = times == [True, False] or (times == [False, True] and sentence in spec.near)
    if len(named) == len(slots) and not is_with_time:
        raise _problem(spec, sentence, "has a way to say it without any fixed word")
    for one, other in pairwise(slots):
        if one and other and fields[one].kind == fields[other].kind == "text":
            raise _problem(spec, sentence, f"needs a word between {{{one}}} and {{{other}}}")


def _problem(spec: CommandSpec, sentence: str, what: str) -> SentenceError:
    return SentenceError(f"the sentence {sentence!r} of {' '.join(spec.key)!r} {what}")


def build(specs: Iterable[CommandSpec]) -> Node:
    """Build the tree of all sentences. Raises SentenceError where one can't be used."""
    root = Node()
    known: dict[tuple[int, int, int], list[Phrase]] = {}  # most ways share their beginning
    for spec in specs:
        fields = {field.name: field for field in spec.fields}
        for sentence in spec.sentences:
            for words in expansions(spec, sentence):
                node, ends = root, dict[int, list[tuple[Node, list[Phrase]]]]()
                parts = [part for word in words for part in _parts(word)]
                for at, word in enumerate(parts):
                    if slot := _slot(word):
                        field = fields[slot]
                        node = node.slots.get(field) or node.slots.setdefault(field, Node())
                        continue
                    for length, phrases in synonyms(parts, at, spec.synonyms):
                        ends.setdefault(at + length - 1, []).append((node, phrases))
                    node = node.literals.get(word) or node.literals.setdefault(word, Node())
                    for before, phrases in ends.get(at, ()):
                        edge = id(before), id(node), id(phrases)
                        if edge not in known:
                            known[edge] = phrases
                            for phrase in phrases:
                                before.otherwise(phrase, node)
                if spec not in node.complete:
                    node.complete.append(spec)
    return root
