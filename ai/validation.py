"""A model's answer held against the commands: what it may contain, and of which type."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from ai.catalogue import CommandSpec
from ai.values import typed

Command = dict[str, Any]
Key = tuple[str, str]

WORKED_OUT = re.compile(
    r"\b\d{4}(?:-\d\d-\d\d)?\b"
)  # a year or a date that the person did not write
MAX_COMMANDS_NAMED = 30


def find_spec(data: Mapping[str, Any], specs: tuple[CommandSpec, ...]) -> CommandSpec | None:
    """Return the command that an answer means; "task.add" and a missing type are understood."""
    by_key = _by_name(specs)
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


@lru_cache(maxsize=64)
def _by_name(specs: tuple[CommandSpec, ...]) -> dict[Key, CommandSpec]:
    return {(_name(spec.interaction_type), _name(spec.action)): spec for spec in specs}


def _name(value: Any) -> str:  # noqa: ANN401 - any JSON
    return re.sub(r"[\s-]+", "_", value.strip().casefold()) if isinstance(value, str) else ""


def unknown(
    data: Mapping[str, Any], specs: Iterable[CommandSpec], raw_types: Iterable[str] = ()
) -> str:
    """Say which command of an answer does not exist, and which ones do."""
    known = [*[" / ".join(spec.key) for spec in specs][:MAX_COMMANDS_NAMED], *raw_types]
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
            command[field.name] = typed(field, value)
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
