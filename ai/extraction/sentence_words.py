"""What the sentences of a command tell beside its values: their words, and what stands around."""

import re
import unicodedata
from collections.abc import Callable, Sequence, Set
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from ai.commands import CommandSpec, FieldSpec
from ai.sentences.templates import expansions
from ai.sentences.tokens import fold

MANY_SENTENCES = 4  # of a command, so that what they share is no chance
QUESTION_WORDS = frozenset({"what", "who", "whose", "when", "where", "why", "how", "which"})
MAY = frozenset({"can", "could", "may", "might", "should", "shall", "must"})
IS = frozenset({"is", "are", "was", "were", "do", "does", "did", "has", "have", "will", "would"})
Span = tuple[int, int]
WORD = re.compile(r"[^\W\d_]+|\d+")
_ENDING = re.compile(r"(?<=\w{3})(?:(?<=\w{5})(?:ness|er)|ing|e[ds]?|s)$")
# fmt: off
ASKED_ELSEWHERE = frozenset({
    "was", "wer", "wen", "wem", "wann", "wo", "woher", "wohin", "warum", "wieso", "wie", "welche",
    "welcher", "welches", "qué", "quién", "cuándo", "dónde", "cómo", "cuál", "cuánto", "cuánta",
    "qui", "quoi", "quand", "où", "pourquoi", "quel", "quelle", "quels", "combien",
})
"""Question words of German, Spanish and French."""
FILLERS = frozenset({
    "a", "an", "the", "my", "to", "of", "on", "in", "at", "for", "and", "or", "with", "from", "by",
})
COMMON = FILLERS | {
    "i", "me", "you", "your", "it", "is", "are", "am", "was", "be", "do", "does", "did", "not",
    "have", "has", "had", "got", "get", "what", "which", "who", "how", "when", "there", "that",
    "this", "all", "any", "can", "may", "will", "want", "need", "please", "also", "as", "one",
    "show", "tell", "give", "set", "make", "put", "take", "let", "use", "so", "up", "out", "off",
    "we", "us", "our", "no", "now", "just", "s", "t", "d", "m", "ll", "re", "ve", "about", "again",
    "already", "still", "over", "too",
}
"""Words of sentences that say nothing of which command is meant."""
# fmt: on
DAYS = frozenset({"today", "tomorrow", "tonight", "day", "week"})
"""They are said in talk of anything: "what have I done today" is told by "done"."""


def split_words(text: str) -> list[str]:
    """Return the words of a text for comparison; digits are words of their own."""
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())


class Placed(NamedTuple):
    """A word of a text as it is compared, and where it stands."""

    word: str
    start: int
    end: int


@lru_cache(maxsize=64)
def placed(text: str) -> tuple[Placed, ...]:
    """Return the words of a text for comparison, and where they stand."""
    found = (
        (unicodedata.normalize("NFKC", m[0]).casefold(), *m.span()) for m in WORD.finditer(text)
    )
    return tuple(map(Placed._make, found))


def row_in(
    words: Sequence[str],
    text: str,
    may_skip: Callable[[str], bool] = lambda _: False,
    *,
    most: int = 1,
    stems: int = 0,
    spaced: bool = True,
) -> Span | None:
    """Return where words stand in a row in a text: what one is said with, and nothing else.

    Up to `most` words that `may_skip` knows may stand between two of them. `stems` is by how many
    letters words are compared, 0 by all; where they are `spaced`, nothing but spaces is between.
    A pattern would have to be compiled anew for each text.
    """
    row = placed(text)

    def is_at(at: int, word: str) -> bool:
        said = row[at].word
        return said.startswith(word[:stems]) if stems else said == word

    for first in range(len(row) - len(words) + 1):
        at = first
        for number, word in enumerate(words):
            left = most if number else 0
            while left and at < len(row) and not is_at(at, word) and may_skip(row[at].word):
                at, left = at + 1, left - 1
            if at >= len(row) or not is_at(at, word):
                break
            if number and spaced and not text[row[at - 1].end : row[at].start].isspace():
                break
            at += 1
        else:
            return (row[first].start, row[at - 1].end) if words else None
    return None


@lru_cache(maxsize=1024)
def sentence_words(spec: CommandSpec) -> frozenset[str]:
    """Return the words that a command's author gives for it, without those of every command."""
    said = (words for sentence in spec.sentences for words in expansions(spec, sentence))
    fixed = {fold(word) for words in said for word in words if word[0] != "{"}
    return frozenset(split_words(" ".join([*fixed, spec.hint]))) - COMMON


@lru_cache(maxsize=1024)
def always_in(spec: CommandSpec) -> frozenset[str]:
    """Return the words that are in every sentence of a command, where there are many of them."""
    written = (*spec.sentences, *spec.near)
    ways = [{*map(fold, way)} for one in written for way in expansions(spec, one)]
    found = set.intersection(*ways) if len(written) >= MANY_SENTENCES else set()
    return frozenset(word for word in found if word[0] != "{") - COMMON


def stem(word: str) -> str:
    """Return an English word without its ending: "moved" and "moving" are one."""
    return _ENDING.sub("", word)


@lru_cache(maxsize=1024)
def _ways(
    spec: CommandSpec, sentences: tuple[str, ...]
) -> frozenset[tuple[frozenset[str], frozenset[str]]]:
    """Return the words that tell of a command, and the fields, of each way to say sentences."""
    found = set()
    for way in (way for sentence in sentences for way in expansions(spec, sentence)):
        words = split_words(" ".join(fold(word) for word in way if word[0] != "{"))
        fields = frozenset(word[1:-1] for word in way if word[0] == "{")
        telling = (word for word in words if word not in COMMON | DAYS)
        found.add((frozenset(map(stem, telling)), fields))
    return frozenset(found)


def likeness(
    spec: CommandSpec, words: Set[str], given: Set[str], *, with_near: bool = False
) -> float:
    """Return how much of one of a command's sentences is said, from 0 to 1.

    `words` are the stems of what is said beside the values, `given` the fields that have one.
    `with_near` takes the sentences that are not certain as well.
    """
    sentences = spec.sentences + spec.near if with_near else spec.sentences
    return max(
        (
            len(told & words) / len(told) * (len(fields & given) / len(fields) if fields else 1)
            for told, fields in _ways(spec, sentences)
            if told
        ),
        default=0.0,
    )


def words_said(spec: CommandSpec, words: Set[str], *, whole: bool) -> int:
    """Return how many words of one of a command's sentences are said, of one that is said whole."""
    ways = (told for told, _ in _ways(spec, spec.sentences) if told <= words or not whole)
    return max((len(told & words) for told in ways), default=0)


@lru_cache(maxsize=1024)
def answers_questions(spec: CommandSpec) -> bool:
    """Say whether a sentence of a command is a question, such as "what is on my list"."""
    written = (*spec.sentences, *spec.near)
    return any(is_question(" ".join(way)) for one in written for way in expansions(spec, one))


def is_question(text: str) -> bool:
    """Say whether a text asks what, who, when, where, why or how, in one of four languages."""
    return next(iter(split_words(text)), "") in QUESTION_WORDS | ASKED_ELSEWHERE


def asks_leave(text: str) -> bool:
    """Say whether an English text asks whether something is so or may be: "can I get a towel"."""
    first, second = [*split_words(text), "", ""][:2]
    return (first in MAY and second in ("i", "we")) or (first in IS and second != "you")


def without_frame(spec: CommandSpec, field: FieldSpec, value: str) -> str:
    """Return a value without a last word that is the sentence's: the "party" of "party list"."""
    first, _, last = value.rpartition(" ")
    return first if first and last.casefold() in _behind(spec, field.name) else value


@lru_cache(maxsize=1024)
def _behind(spec: CommandSpec, field: str) -> frozenset[str]:
    """Return the words of sentences that stand right behind a field, such as "list"."""
    ways = (way for one in spec.sentences for way in expansions(spec, one))
    pairs = (pair for way in ways for pair in pairwise(way))
    found = {fold(then) for word, then in pairs if word == f"{{{field}}}" and then[0] != "{"}
    return frozenset(found - COMMON)
