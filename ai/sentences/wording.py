"""An order, said in the words of one of its command's sentences."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import groupby, islice
from typing import Any

from ai.commands import CommandSpec, ParsedCommand, spoken
from ai.languages import Language, asked_in
from ai.sentences.templates import COLON, expansions
from ai.times.grammar.durations import read_duration
from ai.times.grammar.reading import in_ascii

TO_THEM = {"my": "your", "me": "you", "i": "you", "mine": "yours"}
"""The person's words, as the bot says them to the person."""
DO_YOU_MEAN = "Do you mean: {}?"


def shown(spec: CommandSpec) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the sentences that people are shown of a command, each with its slots.

    They are the first one, and each that says something more.
    """
    slots, said = {f"{{{field.name}}}" for field in spec.fields}, set[str]()
    for sentence in spec.sentences:
        found = slots.intersection(next(expansions(spec, sentence)))
        if sentence == spec.sentences[0] or found - said:
            yield sentence, frozenset(found)
        said |= found


def joined(words: Iterable[str]) -> str:
    """Return words as a sentence."""
    return " ".join(words).replace(f" {COLON}", COLON)


def in_words(spec: CommandSpec, order: Mapping[str, Any], *, to_them: bool = False) -> str:
    """Say an order in words; `to_them` says it to the person, free text in quotation marks."""
    given = {
        f"{{{field.name}}}": spoken(_quoted(order[field.name]))
        if to_them and field.kind == "text"
        else _timed(spoken(order[field.name]))
        if field.is_time
        else spoken(order[field.name])
        for field in spec.fields
        if order.get(field.name) is not None
    }
    said = _first_ways(spec)
    fits = [words for words in said if all(word in given or word[0] != "{" for word in words)]
    about = spec.description.rstrip(".")
    whole = [about[:1].lower() + about[1:]] if to_them else [spec.description]
    best = max(fits, key=lambda words: len(given.keys() & set(words)), default=whole)
    unsaid = [value for slot, value in given.items() if slot not in best]
    more = f" ({', '.join(unsaid)})" if unsaid else ""
    swap = TO_THEM if to_them else {}
    told = joined(given.get(word) or swap.get(word, word) for word in best) + more
    return told.replace(" for in ", " for ")  # "a timer for 10 minutes"


def _timed(words: str) -> str:
    """Return a time's words to stand behind others: a bare length, as of a timer, is "in" it."""
    length = read_duration(in_ascii(words), 0)
    return f"in {words}" if length and length[1] == len(words) else words


@lru_cache(maxsize=1024)
def _first_ways(spec: CommandSpec) -> list[list[str]]:
    """Return the first way to say each sentence of a command."""
    return [way for sentence in spec.sentences for way in islice(expansions(spec, sentence), 1)]


def _quoted(value: object) -> str | list[str]:
    """Return free text in quotation marks, several things each in their own."""
    return [f"“{one}”" for one in value] if isinstance(value, list) else f"“{value}”"


def _together(
    orders: Sequence[ParsedCommand], known: Mapping[tuple[str, str], CommandSpec]
) -> Iterator[ParsedCommand]:
    """Yield orders; those that differ in the thing alone as one order for all these things."""
    each = {key: next((f.name for f in spec.fields if f.each), "") for key, spec in known.items()}

    def beside(order: ParsedCommand) -> tuple[object, ...]:
        thing = each.get(order.key, "")
        return order.key, {key: value for key, value in order.values.items() if key != thing}

    for _, group in groupby(orders, beside):
        first, *more = group
        thing = each.get(first.key, "")
        if more and thing in first.values:
            names = [one.values[thing] for one in (first, *more)]
            yield replace(first, values={**first.values, thing: names})
        else:
            yield from (first, *more)


def question(
    orders: Sequence[ParsedCommand], specs: Iterable[CommandSpec], language: Language = "en"
) -> str:
    """Ask whether orders are meant, as they would be carried out."""
    known = {spec.key: spec for spec in specs}
    said = [
        in_words(known[one.key], one.values, to_them=True)
        if one.key in known
        else " ".join(one.key).strip()
        for one in _together(orders, known)
    ]
    told = ", and ".join(said)
    return asked_in(language, "offer", told) or DO_YOU_MEAN.format(told)
