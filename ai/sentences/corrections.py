"""A change to the last order: "make it 6 instead", "actually friday", "remind me of it at six"."""

import re
from collections.abc import Iterable

from ai.commands import CommandSpec, FieldSpec
from ai.sentences.following import Match
from ai.sentences.references import MAKERS, ReferenceResolver, References, named_by
from ai.times.grammar import phrases
from ai.times.grammar.numbers import HOUR

_SLIP = r"(?:(?:no|oh|oops|sorry|wait|please|actually|and)[,\s]+)*"
_AMENDED = (
    rf"{_SLIP}(?:make|change|set|move|push|shift|bump|put)\s+"
    r"(?:it|that|this|the\s+time|the\s+day|the\s+date)\s+"
    r"(?:back\s+)?(?:to\s+|for\s+|due\s+)?(?P<new>.+?)",
    rf"{_SLIP}i\s+(?:meant?|said)\s+(?P<new>.+?)(?:[,\s]+(?:and\s+)?not\s+.+)?",
    r"(?:(?:no|oh|oops|sorry|wait|actually)[,\s]+)+(?:i\s+mean[,\s]+)?(?P<new>.+?)",
    rf"{_SLIP}wrong\s+(?:time|day|date)[,:;.\s]+(?P<new>.+?)",
    rf"{_SLIP}remind\s+me\s+(?:of|about)\s+(?:it|that)\s+(?:again\s+)?(?P<new>.+?)",
    rf"{_SLIP}remind\s+me\s+(?:again|later)[,\s]+(?P<new>.+?)",
    rf"{_SLIP}(?P<new>.+?)\s+instead",
)
_GOES_ON = rf"{_SLIP}remind\s+me\s+(?P<new>.+?)"
_TAIL = r"(?:[,\s]+(?:instead|then|please|thanks|thank you))*\s*[.!]*"
_AMEND = re.compile(rf"(?:{'|'.join(_AMENDED)}){_TAIL}".replace("(?P<new>", "("), re.I)
_CONTINUE = re.compile(_GOES_ON + _TAIL, re.I)
_BARE_TIME = re.compile(rf"(?:at\s+)?(?P<clock>{HOUR}(?:[:.][0-5]\d)?)", re.I)
_TIME_SLOTS = {"time", "part"}
MAX_LENGTH = 120  # characters of a change


def amend(
    text: str,
    references: References,
    pointer: ReferenceResolver,
    specs: Iterable[CommandSpec],
    *,
    goes_on: bool,
) -> Match | None:
    """Return the command that changes the time of what the last one was about, or None.

    `goes_on` says that the text follows the last order in the same message: "..., and remind me at
    six" is about that order then.
    """
    said = _said(text, goes_on=goes_on) if len(text) <= MAX_LENGTH else None
    it = pointer.it
    found = _scheduler(specs, it.kind) if it and said else None
    if said is None or it is None or found is None or len(it.names) != 1:
        return None
    spec, about, time = found
    before = next(
        (
            str((references.last or {}).get(field.name) or "")
            for field in (pointer.spec.parsed_fields if pointer.spec else ())
            if field.kind == "when"
        ),
        "",
    )
    words = _merged(before, said)
    return Match(spec, {about.name: it.names[0], time.name: words}) if words else None


def _said(text: str, *, goes_on: bool) -> str | None:
    text = " ".join(text.split())
    if goes_on and (match := _CONTINUE.fullmatch(text)):
        return match["new"]
    match = _AMEND.fullmatch(text)
    return next((group for group in match.groups() if group), None) if match else None


def _scheduler(
    specs: Iterable[CommandSpec], kind: str
) -> tuple[CommandSpec, FieldSpec, FieldSpec] | None:
    """Return the one command of a module that gives a named thing a time, and its fields."""
    found = []
    for spec in specs:
        required = {field.name: field for field in spec.parsed_fields if field.required}
        times = [field for field in required.values() if field.kind == "when"]
        if (
            spec.interaction_type == kind
            and spec.action not in MAKERS
            and len(times) == 1
            and len(required) == 2
        ):
            about = named_by(spec)
            found += [(spec, about, times[0])] if about else []
    return found[0] if len(found) == 1 else None


def _merged(before: str, said: str) -> str | None:
    """Return the new time; its day, hour or half of the day may be those of the one before."""
    old = phrases.read_all(before) if before else None
    if before and (old is None or old.problem or not old.slots.isdisjoint({"offset", "shift"})):
        before, old = "", None
    if bare := _BARE_TIME.fullmatch(said):
        said = f"at {bare['clock']} {old.half if old else ''}".strip()
    new = phrases.read_all(said)
    if new is None or new.problem:
        return None
    if old is None or "offset" in new.slots:
        return said
    clock = phrases.clock_in(before)
    if new.slots <= _TIME_SLOTS:
        day = before.replace(clock, " ") if clock else before
        merged = f"{' '.join(day.split())} {said}".strip() if old.slots - _TIME_SLOTS else said
    elif new.slots.isdisjoint(_TIME_SLOTS) and clock:
        merged = f"{said} {clock}"
    else:
        merged = said
    return merged if phrases.read_all(merged) else None
