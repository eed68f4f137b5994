"""The commands that a model's answer names, with their fields held against what was said."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ai.commands import Command, CommandSpec, FieldSpec, typed
from ai.extraction.grounding import Sources, words_of
from ai.extraction.sentence_words import without_frame
from ai.extraction.times_in_english import (
    MAX_TEXT,
    before_that,
    completed,
    hour_as_said,
    in_english,
    one_time,
    without_time,
)
from ai.extraction.whole_names import around_time, joined, whole_name, whole_name_elsewhere
from ai.languages import language_of
from ai.sentences.references import MAKERS, named_by
from ai.times.grammar import phrases

Key = tuple[str, str]

WORKED_OUT = re.compile(
    r"\b\d{4}(?:-\d\d-\d\d)?\b"
)  # a year or a date that the person did not write
MAX_COMMANDS_NAMED = 30
KEY = ("interaction_type", "action")


def find_spec(data: Mapping[str, Any], specs: tuple[CommandSpec, ...]) -> CommandSpec | None:
    """Return the command that an answer means; "task.add" and a missing type are understood."""
    by_key = _by_name(specs)
    kind, action = folded(data.get("interaction_type")), folded(data.get("action"))
    if not (kind and action):
        action = action or folded(data.get("command"))
    for separator in (".", "/", ":"):
        if separator in action:
            kind, _, action = action.rpartition(separator)
        elif separator in kind and not action:
            kind, _, action = kind.rpartition(separator)
    if (kind, action) in by_key:
        return by_key[kind, action]
    same_action = [spec for key, spec in by_key.items() if key[1] == action]
    return same_action[0] if len(same_action) == 1 and kind in ("", "command") else None


@lru_cache(maxsize=64)
def _by_name(specs: tuple[CommandSpec, ...]) -> dict[Key, CommandSpec]:
    return {(folded(spec.interaction_type), folded(spec.action)): spec for spec in specs}


def folded(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Return a command's name in an answer as commands are looked up by it."""
    return re.sub(r"[\s-]+", "_", value.strip().casefold()) if isinstance(value, str) else ""


def unknown(
    data: Mapping[str, Any], specs: Iterable[CommandSpec], raw_types: Iterable[str] = ()
) -> str:
    """Say which command of an answer does not exist, and which ones do."""
    known = [*[" / ".join(spec.key) for spec in specs][:MAX_COMMANDS_NAMED], *raw_types]
    asked = f"interaction_type {data.get('interaction_type')!r} with action {data.get('action')!r}"
    return f"There is no {asked}. The commands are: {', '.join(known)}."


class Checked(NamedTuple):
    """A command with its fields in their types, what is wrong with it, and what was made up."""

    command: Command
    problems: Sequence[str] = ()
    made_up: Mapping[str, Any] = {}  # the fields that were dropped, since nobody said them

    @property
    def is_all_made_up(self) -> bool:
        """Whether no value of it was said, though it has some."""
        return bool(self.made_up) and self.command.keys() == {*KEY}


def check(
    data: Mapping[str, Any],
    spec: CommandSpec,
    said: str,
    known: Iterable[str] = (),
    just_said: str = "",
    tells: Callable[[str], bool] | None = None,
) -> Checked:
    """Return the command of an answer, and what is wrong with it.

    Unknown fields are dropped, and so is what the person did not say. A required field that is
    missing is no error: the conversation asks for it. `said` is the person's message with the ones
    before it, `known` the names that they saw or spoke of last. The one time that is named in
    `just_said`, the message alone, takes the place of a model's that was not said; in another
    language than English, of any. `tells` says whether orders are given in a word.
    """
    times = [one.name for one in spec.fields if one.is_time]
    in_words, own = (len(times) == 1 and one_time(just_said)) or ("", "")
    is_english = language_of(just_said) == "en"
    is_read = bool(own) and (not is_english or before_that(just_said[:MAX_TEXT]) is not None)
    sources = Sources(said, known)
    command: Command = {"interaction_type": spec.interaction_type, "action": spec.action}
    problems = []
    made_up = {}
    for field in spec.parsed_fields:
        value = data.get(field.name)
        if value is None or (isinstance(value, str) and sources.is_nothing(value)):
            continue
        if is_read and field.is_time:
            command[field.name] = own
            continue
        try:
            command[field.name] = typed(field, value)
        except ValueError as error:
            problems.append(str(error))
            continue
        is_said = sources.support(field, command[field.name])
        is_worked_out = field.is_time and any(
            date not in said for date in WORKED_OUT.findall(command[field.name])
        )
        if own and field.is_time and (is_worked_out or not is_said):
            command[field.name] = own
        elif is_worked_out:
            problems.append(
                f"{field.name} must be the person's own words for the time, not a date."
            )
        elif not is_said:
            made_up[field.name] = command.pop(field.name)
            if field.kind == "choice" and not field.required and command.keys() > {*KEY}:
                command[field.name] = made_up[field.name]  # for them to say yes to
        elif field.is_time:
            command[field.name] = _time(command[field.name], own, just_said)
        elif field.kind == "text" and isinstance(command[field.name], str):
            name = without_frame(spec, field, sources.as_said(command[field.name]))
            without = without_time(name, in_words, is_english=is_english) if own else name
            if own and without != name:
                command[times[0]] = own
            command[field.name] = hour_as_said(without, just_said)
    for field in spec.parsed_fields:
        if field.name not in command and (choice := field.chosen_in(just_said)):
            command[field.name] = choice
    if not is_english:
        _join_names(spec, command, just_said)
    if times and spec.action in MAKERS and (about := named_by(spec)):
        _complete_name(spec, about, command, just_said, in_words, tells or (lambda _: False))
    return Checked(command, problems, made_up)


def _join_names(spec: CommandSpec, command: Command, text: str) -> None:
    """Make one name of two that are one: "cours" and "poterie" of "cours de poterie"."""
    names = [one.name for one in spec.parsed_fields if one.kind == "text" and one.name in command]
    if len(names) != 2 or next(f for f in spec.parsed_fields if f.name == names[1]).required:
        return
    if whole := joined(command[names[0]], command[names[1]], text):
        command[names[0]] = whole
        del command[names[1]]


def _complete_name(
    spec: CommandSpec,
    about: FieldSpec,
    command: Command,
    text: str,
    time: str,
    is_said: Callable[[str], bool],
) -> None:
    """Give a name the words that a model left out, see ai/extraction/whole_names.py."""
    thing, language = command.get(about.name), language_of(text)
    if not isinstance(thing, str):
        return
    others = [
        one
        for one in spec.parsed_fields
        if one.kind == "text" and one != about and one.name in command
    ]
    place = " ".join(str(command[one.name]) for one in others)
    if language == "en":
        whole = whole_name(spec, thing, text, place)
        command[about.name] = around_time(spec, whole, text, is_said) if not place else whole
    elif not place:
        command[about.name] = whole_name_elsewhere(thing, text, time, language, is_said)


def _time(said: str, own: str, text: str) -> str:
    """Return a time that a model gives, or the one of the message where it is a part of that.

    "Monday at 8 for standup" is "monday at 8".
    """
    if own and words_of({"": said}) <= words_of({"": own}):
        said = own
    said = in_english(said)
    spans = phrases.find(said) if phrases.read_all(said) is None else ()
    beside = said[: spans[0][0]] + said[spans[0][1] :] if len(spans) == 1 else "0"
    if not any(map(str.isdigit, beside)):
        said = said[slice(*spans[0])]
    return completed(hour_as_said(said, text), text)


def checked(
    orders: Sequence[Mapping[str, Any]], specs: Sequence[CommandSpec]
) -> list[Command] | None:
    """Return orders that were kept, or None where one of them is none of these commands."""
    known = {spec.key: spec for spec in specs}
    found = []
    for order in orders:
        spec = known.get((str(order.get("interaction_type")), str(order.get("action"))))
        if spec is None:
            return None
        command: Command = {"interaction_type": spec.interaction_type, "action": spec.action}
        for field in spec.parsed_fields:
            try:
                if order.get(field.name) is not None:
                    command[field.name] = typed(field, order[field.name])
            except ValueError:
                return None
        found.append(command)
    return found


def given_to(
    other: CommandSpec, command: Mapping[str, Any], specs: tuple[CommandSpec, ...]
) -> Command | None:
    """Return another command with all values of one, or None where they don't fit, or it is one."""
    spec = find_spec(command, specs)
    if spec is None or spec is other:
        return None
    values = values_of(command)
    kinds = {field.name: field.kind for field in spec.parsed_fields}
    fields = {field.name: field for field in other.parsed_fields}
    fits = all(name in fields and fields[name].kind == kinds[name] for name in values)
    needed = {name for name, field in fields.items() if field.required}
    if not fits or not needed <= values.keys():
        return None
    return {"interaction_type": other.interaction_type, "action": other.action, **values}


def values_of(command: Mapping[str, Any]) -> Command:
    """Return a command's fields, without what names it."""
    return {key: value for key, value in command.items() if key not in KEY}
