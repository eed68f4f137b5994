"""A model's answer held against the commands: what it may contain, and of which type."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ai.catalogue import CommandSpec, FieldSpec

Command = dict[str, Any]
Key = tuple[str, str]

YES = {"true", "yes", "on", "1"}
NO = {"false", "no", "off", "0"}
WORKED_OUT = re.compile(
    r"\b\d{4}(?:-\d\d-\d\d)?\b"
)  # a year or a date that the person did not write
MAX_COMMANDS_NAMED = 30


def find_spec(data: Mapping[str, Any], specs: Iterable[CommandSpec]) -> CommandSpec | None:
    """Return the command that an answer means; "task.add" and a missing type are understood."""
    by_key = {spec.key: spec for spec in specs}
    kind, action = _name(data.get("interaction_type")), _name(data.get("action"))
    for separator in (".", "/", ":"):
        if separator in action:
            kind, _, action = action.rpartition(separator)
        elif separator in kind and not action:
            kind, _, action = kind.rpartition(separator)
    if (kind, action) in by_key:
        return by_key[kind, action]
    same_action = [spec for key, spec in by_key.items() if key[1] == action]
    return same_action[0] if len(same_action) == 1 and kind in ("", "command") else None


def _name(value: Any) -> str:  # noqa: ANN401 - any JSON
    return re.sub(r"[\s-]+", "_", value.strip().casefold()) if isinstance(value, str) else ""


def unknown(data: Mapping[str, Any], specs: Iterable[CommandSpec]) -> str:
    """Say which command of an answer does not exist, and which ones do."""
    known = [" / ".join(spec.key) for spec in specs][:MAX_COMMANDS_NAMED]
    asked = f"interaction_type {data.get('interaction_type')!r} with action {data.get('action')!r}"
    return f"There is no {asked}. The commands are: {', '.join(known)}."


def check(data: Mapping[str, Any], spec: CommandSpec, said: str) -> tuple[Command, list[str]]:
    """Return the command with its fields in their types, and what is wrong with it.

    Unknown fields are dropped. A required field that is missing is no error: the conversation
    asks the person for it. `said` is everything the person said, to tell a copied time from one
    that was worked out.
    """
    command: Command = {"interaction_type": spec.interaction_type, "action": spec.action}
    problems = []
    for field in spec.parsed_fields:
        value = data.get(field.name)
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        try:
            command[field.name] = _typed(field, value)
        except ValueError as error:
            problems.append(str(error))
            continue
        if field.kind == "when" and any(
            date not in said for date in WORKED_OUT.findall(command[field.name])
        ):
            problems.append(
                f"{field.name} must be the person's own words for the time, not a date."
            )
    return command, problems


def _typed(field: FieldSpec, value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a value as the field's type. Raises ValueError with what the model did wrong."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict | list):
        raise ValueError(f"{field.name} must be a single value, not {type(value).__name__}.")
    word = str(value).strip()
    if field.kind == "choice":
        for choice in field.choices:
            if choice.casefold() == word.casefold():
                return choice
        raise ValueError(f"{field.name} must be one of {', '.join(field.choices)}, not {word!r}.")
    if field.kind == "boolean":
        if word.casefold() in YES | NO:
            return word.casefold() in YES
        raise ValueError(f"{field.name} must be true or false, not {word!r}.")
    if field.kind == "integer" and not isinstance(value, bool):
        if re.fullmatch(r"[+-]?\d+(?:\.0+)?", word):
            return int(float(word))
        raise ValueError(f"{field.name} must be a whole number, not {word!r}.")
    if field.kind == "number" and not isinstance(value, bool):
        if re.fullmatch(r"[+-]?\d+(?:[.,]\d+)?", word):
            return float(word.replace(",", "."))
        raise ValueError(f"{field.name} must be a number, not {word!r}.")
    if isinstance(value, bool):
        raise ValueError(f"{field.name} must be {field.kind}, not {value}.")
    return word
