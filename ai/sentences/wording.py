"""An order, said in the words of one of its command's sentences."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from ai.commands import CommandSpec, ParsedCommand, spoken
from ai.languages import Language, asked_in
from ai.sentences.templates import expansions

TO_THEM = {"my": "your", "me": "you", "i": "you", "mine": "yours"}
"""The person's words, as the bot says them to the person."""
DO_YOU_MEAN = "Do you mean: {}?"


def in_words(spec: CommandSpec, order: Mapping[str, Any], *, to_them: bool = False) -> str:
    """Say an order in words; `to_them` says it to the person, free text in quotation marks."""
    given = {
        f"{{{field.name}}}": f"“{spoken(order[field.name])}”"
        if to_them and field.kind == "text"
        else spoken(order[field.name])
        for field in spec.fields
        if order.get(field.name) is not None
    }
    said = [way for sentence in spec.sentences for way in islice(expansions(spec, sentence), 1)]
    fits = [words for words in said if all(word in given or word[0] != "{" for word in words)]
    about = spec.description.rstrip(".")
    whole = [about[:1].lower() + about[1:]] if to_them else [spec.description]
    best = max(fits, key=lambda words: len(given.keys() & set(words)), default=whole)
    unsaid = [value for slot, value in given.items() if slot not in best]
    more = f" ({', '.join(unsaid)})" if unsaid else ""
    swap = TO_THEM if to_them else {}
    return " ".join(given.get(word) or swap.get(word, word) for word in best) + more


def question(
    orders: Sequence[ParsedCommand], specs: Iterable[CommandSpec], language: Language = "en"
) -> str:
    """Ask whether orders are meant, as they would be carried out."""
    known = {spec.key: spec for spec in specs}
    said = [
        in_words(known[one.key], one.values, to_them=True)
        if one.key in known
        else " ".join(one.key).strip()
        for one in orders
    ]
    told = ", and ".join(said)
    return asked_in(language, "offer", told) or DO_YOU_MEAN.format(told)
