"""Several things behind a colon: "packing list: passport, adaptor, sunnies"."""

import re
from typing import Any, NamedTuple

from ai.commands import CommandSpec, FieldSpec
from ai.extraction.sentence_words import split_words, without_frame
from ai.extraction.times_in_english import MAX_TEXT, names_time
from ai.sentences.matcher import MAX_ORDERS
from ai.sentences.references import MAKERS, named_by

_ROW = re.compile(r"\s*(?P<head>[^:,;.!?\n]{2,40}?)\s*:\s+(?P<items>[^:]+?)[\s.!]*")
_COMMA = re.compile(r"\s*[,;\n]\s*")
_AND = re.compile(r"\s+(?:and|und|y|e|et|&)\s+", re.IGNORECASE)
_LIST = re.compile(r"(?:.*\s)?\w*list[ae]?(?:\s.*)?", re.IGNORECASE)
MAX_WORDS = 6  # of one thing


class Row(NamedTuple):
    """What a row of things is for, and the things."""

    head: str
    items: list[str]


def row_of(text: str) -> Row | None:
    """Return the things that a whole message names behind a colon, two at least, or None."""
    match = _ROW.fullmatch(text[: MAX_TEXT + 1])
    if match is None or len(text) > MAX_TEXT or names_time(text):
        return None
    items = _COMMA.split(match["items"])
    if len(items) > 1:
        items[-1:] = _AND.split(items[-1])
    is_row = 1 < len(items) <= MAX_ORDERS
    is_row = is_row and all(0 < len(split_words(one)) <= MAX_WORDS for one in items)
    return Row(match["head"].strip(), items) if is_row else None


def maker_of_rows(
    specs: tuple[CommandSpec, ...], given: CommandSpec
) -> tuple[CommandSpec, FieldSpec] | None:
    """Return the command that makes each thing of a row, of the type of the one that is given."""
    found = [
        (spec, about)
        for spec in specs
        if spec.action in MAKERS and spec.interaction_type == given.interaction_type
        if (about := named_by(spec)) and about.each
    ]
    return found[0] if found else None


def place_of(
    spec: CommandSpec, about: FieldSpec, head: str, given: dict[str, Any]
) -> dict[str, str]:
    """Return what the head of a row says of a command's other name: the list of "packing list"."""
    places = [one for one in spec.parsed_fields if one.kind == "text" and one != about]
    if len(places) != 1:
        return {}
    name = without_frame(spec, places[0], head)
    said = str(given.get(places[0].name, ""))
    if name == head and not _LIST.fullmatch(head):
        name = said if said and {*split_words(said)} < {*split_words(head)} else ""
    return {places[0].name: name} if name else {}
