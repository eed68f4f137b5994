"""The examples that a model is shown: those of all that authors give that are nearest to a message.

A small model follows what it has just seen. So each message is shown its own few examples, chosen
by the words that it shares with them beside their values, and by its language.
"""

import math
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from functools import lru_cache
from heapq import nlargest
from itertools import groupby, pairwise
from typing import NamedTuple, get_args

from ai.commands import Command, CommandSpec
from ai.extraction.grounding import TIME_WORDS, bare
from ai.extraction.sentence_words import WORD
from ai.languages import Language, language_of

NONE = "none"
"""The command of a message that orders nothing; its `reply` is for the person."""
NO_ORDERS = (
    ("how do bees find their way home?", "I don't know much about that. What can I do for you?"),
    ("my boots are soaked again", "Oh no! I hope that they dry soon."),
    ("you are a funny one", "Thank you! What can I do for you?"),
    ("put on some jazz", "I can't play music, I'm afraid."),
    ("send Zelda a message that I'm late", "I can't write to others, I'm afraid."),
    ("good night then", "Good night!"),
    ("will there be fog this evening", "I don't know the weather, I'm afraid."),
    ("my week was great, by the way", "I'm glad to hear that!"),
    ("it will snow tomorrow, I suppose", "Let's see!"),
    ("what is a good name for a boat?", "That's for you to choose!"),
    ("who won the match yesterday", "I don't follow sports, I'm afraid."),
    ("call me a cab to the harbour", "I can't order anything, I'm afraid."),
    ("order us a curry", "I can't order anything, I'm afraid."),
    ("book a table for four at the harbour tonight", "I can't book anything, I'm afraid."),
    ("translate harbour into dutch", "I can't translate, I'm afraid."),
    ("I like a bath in the evening", "That sounds nice."),
    ("tell me a riddle", "I don't know any, I'm afraid."),
    ("wie ist das Wetter morgen?", "Das weiß ich leider nicht."),
    ("ich bin heute so müde", "Ruh dich aus!"),
    ("¿qué tiempo hace mañana?", "No lo sé, lo siento."),
    ("estoy feliz hoy", "¡Me alegro!"),
    ("dime una adivinanza", "No sé ninguna, lo siento."),
    ("quel temps fera-t-il demain ?", "Je ne sais pas, désolé."),
    ("je suis fatigué aujourd'hui", "Reposez-vous bien !"),
    ("comment ça va ?", "Très bien, merci ! Que puis-je faire pour vous ?"),
    ("wer hat das Rad erfunden?", "Das weiß ich leider nicht."),
    ("ist das kalt heute", "Zieh dich warm an!"),
    ("du bist ja lustig", "Danke! Was kann ich für dich tun?"),
    ("¿quién inventó la rueda?", "No lo sé, lo siento."),
    ("qué frío hace esta mañana", "¡Abrígate bien!"),
    ("tú me caes muy bien", "¡Gracias! ¿Qué puedo hacer por ti?"),
    ("qui est-ce qui a inventé la roue ?", "Je ne sais pas, désolé."),
    ("j'ai encore mal dormi", "Reposez-vous bien !"),
    ("my sister found a new boat", "That's nice!"),
    ("meine Schwester hat ein neues Boot", "Wie schön!"),
    ("mi hermana se encontró un barco", "¡Qué bien!"),
    ("ma sœur a trouvé un bateau", "C'est bien !"),
    ("my brother visits us tomorrow, hurray", "How nice!"),
    ("mein Vetter kommt heute vorbei, wie schön", "Das freut mich!"),
    ("ayer comí una sopa riquísima", "¡Qué rico!"),
    ("I read a nice poem about boats", "That sounds nice!"),
    ("can I get a pillow", "I can't bring you anything, I'm afraid."),
    ("quel froid ce matin", "Couvrez-vous bien !"),
    ("tu es très drôle", "Merci ! Que puis-je faire pour vous ?"),
)
"""Examples for every catalogue; those of commands come from their authors."""
SHOWN = 3
STEM = 5  # letters by which words are compared: "brauche" and "brauchen" are one
SAME_LANGUAGE = 0.2  # of what a perfect likeness counts
VALUE, TIME, DONE = "{}", "{time}", "{done}"
"""Stand for all words of a value, of a time, and for what somebody did: "watered", "gegossen"."""
_DONE = re.compile(
    r"[a-z]{3,}ed|\w*ge\w{2,}(?:t|en)|ver\w{2,}t|\w{2,}(?:[ai]do|[éí])"
    r"|rang|bought|paid|sent|took|got|did|made|went|gave|told|wrote|read|sold|fed|cut|swept|hung"
    r"|brought|found|left|met|spoke|drove|ran|chose|fixed|begun|began|done|been",
)
# fmt: off
NOT_DONE = frozenset({
    "need", "feed", "speed", "seed", "weed", "indeed", "exceed", "todo", "gehört", "gegen",
})
# fmt: on
BARE_TIMES = frozenset(map(bare, TIME_WORDS))


class Example(NamedTuple):
    """What somebody may say, and the commands that it is."""

    said: str
    commands: list[Command]
    language: Language


Ranking = tuple[list[float], list[float]]
"""What to multiply each example's likeness by, and what to add to it."""


class Bank(NamedTuple):
    """All examples of some commands."""

    examples: list[Example]
    words: frozenset[str]  # of all of them, values left out
    weights: Mapping[str, float]  # how much each part of a shape tells
    having: Mapping[str, list[int]]  # the numbers of the examples that have a part
    roots: list[float]  # of the weight of all parts of each
    ranked_for: Mapping[Language, Ranking]
    replies: list[int]  # the numbers of the examples that order nothing


def name_of(spec: CommandSpec) -> str:
    """Return what a model calls a command."""
    return f"{spec.interaction_type}.{spec.action}"


class Nearest(NamedTuple):
    """The examples that are nearest to a text, and the command that it is likely to be."""

    shown: list[tuple[str, list[Command]]]  # SHOWN of them, the nearest last; one orders nothing
    likely: str  # the command of the nearest
    likeness: float  # of the nearest, up to 1
    words: frozenset[str] = frozenset()  # the beginnings of those of all examples, values left out

    def has(self, word: str) -> bool:
        """Say whether a word is one that examples say orders in, or a time."""
        token = _token(word.casefold())
        return token in self.words or token in (TIME, DONE)


def nearest(specs: tuple[CommandSpec, ...], text: str) -> Nearest:
    """Return the examples that are nearest to a text."""
    bank = _bank(specs)
    shape, language = _shape(_tokens(text), bank.words), language_of(text)

    shared = [0.0] * len(bank.examples)
    for part in sorted(shape):  # in the same order in each process, since sums depend on it
        weight = bank.weights.get(part, 0.0)
        for number in bank.having.get(part, ()):
            shared[number] += weight
    whole = math.sqrt(_weight(shape, bank.weights)) or 1.0
    likenesses = [share / (root * whole) for share, root in zip(shared, bank.roots, strict=True)]
    factors, bonuses = bank.ranked_for[language]
    ranks = [one * by + more for one, by, more in zip(likenesses, factors, bonuses, strict=True)]
    numbers = nlargest(SHOWN, range(len(ranks)), key=ranks.__getitem__)
    ranked = [bank.examples[number] for number in numbers]
    shown = [*ranked]
    if all(map(_orders, shown)):
        shown[-1] = bank.examples[max(bank.replies, key=ranks.__getitem__)]
    first = ranked[0]
    return Nearest(
        [(one.said, one.commands) for one in reversed(shown)],
        str(first.commands[0]["command"]),
        likenesses[numbers[0]],
        bank.words,
    )


def _orders(one: Example) -> bool:
    return bool(one.commands[0]["command"] != NONE)


@lru_cache(maxsize=64)
def _bank(specs: tuple[CommandSpec, ...]) -> Bank:
    given = [*_given(specs)]
    said = [(_tokens(text), {*_tokens(values)}) for text, _, values in given]
    words = frozenset(word for tokens, values in said for word in tokens if word not in values)
    shapes = [
        _shape([VALUE if word in values else word for word in tokens], words)
        for tokens, values in said
    ]
    count = Counter(part for shape in shapes for part in shape)
    weights = {part: math.log(1 + len(given) / number) for part, number in count.items()}
    examples = [Example(text, commands, language_of(text)) for text, commands, _ in given]
    roots = [math.sqrt(_weight(shape, weights)) for shape in shapes]
    having: dict[str, list[int]] = {}
    for number, shape in enumerate(shapes):
        for part in shape:
            having.setdefault(part, []).append(number)
    rankings = {language: _ranking(language, examples) for language in get_args(Language)}
    replies = [number for number, one in enumerate(examples) if not _orders(one)]
    return Bank(examples, words, weights, having, roots, rankings, replies)


def _ranking(language: Language, examples: Iterable[Example]) -> Ranking:
    """Prefer examples in a language; a reply in another one helps little."""
    in_it = [(one.language == language, _orders(one)) for one in examples]
    factors = [1.0 if is_same or orders else 0.5 for is_same, orders in in_it]
    return factors, [SAME_LANGUAGE if is_same else 0.0 for is_same, _ in in_it]


def _weight(shape: Iterable[str], weights: Mapping[str, float]) -> float:
    return math.fsum(weights.get(part, 0.0) for part in shape)  # the same in any order


def _given(specs: tuple[CommandSpec, ...]) -> Iterator[tuple[str, list[Command], str]]:
    """Yield what is said, the commands that it is, and the words of their values."""
    for spec in specs:
        each = {field.name for field in spec.fields if field.each}
        for said, fields in spec.examples:
            several = next((key for key in each if isinstance(fields.get(key), list)), "")
            values = [{**fields, several: one} for one in fields[several]] if several else [fields]
            commands = [{"command": name_of(spec), **one} for one in values]
            yield said, commands, " ".join(str(value) for one in values for value in one.values())
    for said, reply in NO_ORDERS:
        yield said, [{"command": NONE, "reply": reply}], ""


def _tokens(text: str) -> list[str]:
    return [_token(word) for word in WORD.findall(text.casefold())]


def _token(word: str) -> str:
    plain = bare(word)
    if plain.isdigit() or plain in BARE_TIMES:
        return TIME
    return DONE if is_done(word) else plain[:STEM]


def is_done(word: str) -> bool:
    """Say whether a word in lower case tells what somebody did, as far as its form tells."""
    return word not in NOT_DONE and bool(_DONE.fullmatch(word))


def _shape(tokens: Iterable[str], words: Container[str]) -> frozenset[str]:
    """Return the words of a text and their pairs; words that are not known are values."""
    row = [word if word in words or word in (TIME, VALUE) else VALUE for word in tokens]
    row = ["^", *(word for word, _ in groupby(row)), "$"]
    return frozenset([*row, *(f"{first} {then}" for first, then in pairwise(row))])
