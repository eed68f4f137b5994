"""What a model is told: the commands, the last turns, and the person's message as data.

What is the same for everyone comes first and the message last, so that providers' prompt caches
hit.
"""

import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from ai.commands import CommandSpec, FieldKind, FieldSpec, spoken, typed
from ai.config import Prompt
from ai.llm.types import Message
from ai.sentences.references import NO_REFERENCES, References
from ai.sentences.templates import expansions

Command = dict[str, Any]
Turn = tuple[str, Command]
"""A message of the past and what was made of it."""

TURNS_SHOWN = 3
NAMES_SHOWN = 30  # of the last list
MAX_ANSWER_SHOWN = 2000  # characters of a wrong answer that the model gets to see again
KINDS: dict[FieldKind, str] = {
    "text": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "choice": "one of",
    "when": "a time, in the person's words",
    "date": "a day, in the person's words",
    "duration": "a length of time, in the person's words",
    "decimal": "an amount, in the person's words",
}
EXAMPLES: dict[FieldKind, Any] = {
    "integer": 3,
    "number": 2.5,
    "boolean": True,
}


RAW = """
{kind}: a command whose "interaction_type" is "{kind}", with an "action" and fields of its own.
{text}"""


@lru_cache(maxsize=64)
def manual(specs: tuple[CommandSpec, ...], raw: tuple[tuple[str, str], ...] = ()) -> str:
    """Describe the commands: what each does, its fields, and an example from its sentences.

    `raw` are the interaction types of raw handlers, each with what is known of its fields.
    """
    if not specs and not raw:
        return ""
    said = [example(spec) for spec in specs if spec.sentences][:2]
    both = " and ".join(text for text, _ in said)
    answer = {"commands": [command for _, command in said], "needs_clarification": None}
    return "\n".join(
        [
            "The commands, each with what one order becomes:",
            *(_describe(spec) for spec in specs),
            *(RAW.format(kind=kind, text=text).rstrip() for kind, text in raw),
            *([f"\nSo the whole answer to {_json(both)} is:\n{_json(answer)}"] if said else []),
        ]
    )


def _describe(spec: CommandSpec) -> str:
    lines = [f"\n{spec.interaction_type} / {spec.action}: {spec.description}"]
    lines += [
        f"  {field.name} ({_kind(field)}) {field.description}".rstrip()
        for field in spec.parsed_fields
    ]
    if spec.sentences:
        said, command = example(spec)
        lines.append(f"  {_json(said)} -> {_json(command)}")
    return "\n".join(lines)


def _kind(field: FieldSpec) -> str:
    choices = f" {', '.join(field.choices)}" if field.choices else ""
    again = ", or how often: every weekday at 7:30" if field.repeats else ""
    several = " (a list of them)" if field.many else ""
    return f"{KINDS[field.kind]}{several}{again}{choices}{'' if field.required else ', optional'}"


def example(spec: CommandSpec) -> tuple[str, Command]:
    """Return a sentence of a command with its slots filled, and the command that it means."""
    fields = {field.name: field for field in spec.fields}
    command: Command = {"interaction_type": spec.interaction_type, "action": spec.action}
    words = []
    for word in next(expansions(spec, spec.sentences[0])):
        if word.startswith("{"):
            field = fields[word[1:-1]]
            command[field.name] = _example_value(field)
            word = spoken(command[field.name])
        words.append(word)
    return " ".join(words), command


def _example_value(field: FieldSpec) -> Any:  # noqa: ANN401 - any JSON
    if field.kind in ("integer", "number", "boolean"):
        return EXAMPLES[field.kind]
    said = field.sample or "buy milk"
    return typed(field, said) if field.many else said


@lru_cache(maxsize=64)
def schema(specs: tuple[CommandSpec, ...]) -> dict[str, Any]:
    """Return the JSON schema of an answer: flat commands with nulls for what is not said.

    Flat, because many servers know no `anyOf`; which field goes with which command, and how many
    there may be, is checked afterwards.
    """
    properties: dict[str, dict[str, Any]] = {
        "interaction_type": {"type": "string", "enum": _names(s.interaction_type for s in specs)},
        "action": {"type": "string", "enum": _names(spec.action for spec in specs)},
    }
    for field in (field for spec in specs for field in spec.parsed_fields):
        types = {*properties.get(field.name, {}).get("type", ["null"])}
        types.add(field.json_schema["type"] if field.required else field.json_schema["type"][0])
        properties[field.name] = {**properties.get(field.name, {}), "type": sorted(types)}
        if field.many:
            properties[field.name]["items"] = field.json_schema["items"]
    return _object(
        {
            "commands": {"type": "array", "items": _object(properties)},
            "needs_clarification": {"type": ["string", "null"]},
        }
    )


def _object(properties: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def _names(values: Iterable[str]) -> list[str]:
    return [*dict.fromkeys(values)]


def opening(
    prompt: Prompt, commands: str, text: str, earlier: str = "", errors: Sequence[str] = ()
) -> list[Message]:
    """Return the messages that ask for a command the first time."""
    filled = {"user_input": _as_data(text), "history_context": earlier}
    user = re.sub(r"\{(user_input|history_context)\}", lambda m: filled[m[1]], prompt.user_template)
    if errors:
        user += "\n\n" + correction(errors)
    system = f"{prompt.system}\n\n{commands}" if commands else prompt.system
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def again(answer: str, errors: Sequence[str]) -> list[Message]:
    """Return the messages that show a model its answer and what was wrong with it."""
    return [
        {"role": "assistant", "content": answer[:MAX_ANSWER_SHOWN] or "(nothing)"},
        {"role": "user", "content": correction(errors)},
    ]


def correction(errors: Sequence[str]) -> str:
    """Tell a model what was wrong with its answer."""
    listed = "\n".join(f"- {error}" for error in errors)
    return f"That answer can't be used:\n{listed}\nAnswer again with one JSON object only."


def _as_data(text: str) -> str:
    """Keep a message from closing the marks around it."""
    return re.sub(r"<(/?\s*message)", r"<\\\1", text, flags=re.IGNORECASE)


def earlier(history: Sequence[Turn], references: References = NO_REFERENCES) -> str:
    """Tell the last turns, and what the person sees in front of them, as data."""
    told = ""
    if history:
        turns = "\n".join(
            f"{_json(_as_data(said))} -> {_as_data(_json(made))}"
            for said, made in history[-TURNS_SHOWN:]
        )
        told += f"Earlier messages, oldest first, and what they were taken for:\n{turns}\n\n"
    if references.shown:
        shown = references.shown[:NAMES_SHOWN]
        names = "\n".join(f"{n}. {_as_data(_json(name))}" for n, name in enumerate(shown, 1))
        told += f"What the person sees in the last list, as data:\n{names}\n\n"
    return told


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
