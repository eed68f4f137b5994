"""What a model is told: the commands, the last turns, and the person's message as data.

What is the same for everyone comes first and the message last, so that providers' prompt caches
hit.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ai.commands import Command, CommandSpec, FieldKind, FieldSpec
from ai.config import Prompt
from ai.extraction.examples import NONE, name_of
from ai.llm.types import Said
from ai.sentences.references import NO_REFERENCES, References

Turn = tuple[str, Command]
"""A message of the past and what was made of it."""

TURNS_SHOWN = 3
NAMES_SHOWN = 30  # of the last list
MAX_ANSWER_SHOWN = 2000  # characters of a wrong answer that the model gets to see again
KINDS: dict[FieldKind, str] = {
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "when": "time",
    "date": "day",
    "duration": "length of time",
    "decimal": "amount",
}
TELLING = 4  # words that a field's description has at least, to say more than its name
RAW = """
{kind}: a command {{"interaction_type": "{kind}", "action": ...}} with fields of its own.
{text}"""
MAX_DESCRIBED = 60  # commands; where there are more, those alone that may fit the message
MAX_FITTING = 30


@lru_cache(maxsize=64)
def manual(
    specs: tuple[CommandSpec, ...],
    raw: tuple[tuple[str, str], ...] = (),
    fitting: tuple[tuple[str, str], ...] | None = None,
) -> str:
    """Describe the commands, a line each, those of the domain with the most sentences first.

    `raw` are the interaction types of raw handlers, each with what is known of its fields. Where
    `fitting` are the keys of those that may fit a message, the others are only named.
    """
    if not specs and not raw:
        return ""
    shown = _most_said_first(specs)
    named = [] if fitting is None else [f"All by name: {', '.join(map(name_of, shown))}."]
    return "\n".join(
        [
            *named,  # first, as it is the same for every message
            "Commands:" if fitting is None else "Those of them that may fit:",
            *(signature(spec) for spec in shown if fitting is None or spec.key in fitting),
            *(RAW.format(kind=kind, text=text).rstrip() for kind, text in raw),
            f"{NONE}(reply) - For all that orders nothing.",
        ]
    )


def _answered(specs: tuple[CommandSpec, ...]) -> list[CommandSpec]:
    """Return the commands that a model may answer with: those described, then those of examples."""
    by_examples = (spec for spec in specs if spec.examples and not spec.for_models)
    return [*_most_said_first(specs), *by_examples]


def _most_said_first(specs: tuple[CommandSpec, ...]) -> list[CommandSpec]:
    said = Counter[str]()
    for spec in specs:
        said[spec.interaction_type] += len(spec.sentences)
    shown = (spec for spec in specs if spec.for_models)
    return sorted(shown, key=lambda spec: -said[spec.interaction_type])


def signature(spec: CommandSpec) -> str:
    """Return a command in one line, such as `task.add(name, due?: time) - Add a task`."""
    fields = ", ".join(map(_argument, spec.parsed_fields))
    about = f"{spec.description} {spec.hint}".strip()
    return f"{name_of(spec)}({fields}) - {about}"


def _argument(field: FieldSpec) -> str:
    kind = "|".join(field.choices) or KINDS.get(field.kind, "")
    if field.repeats:
        kind += " or how often"
    if field.many:
        kind = "list"
    if not kind and len(field.description.split()) >= TELLING:
        kind = field.description
    return f"{field.name}{'' if field.required else '?'}{f': {kind}' if kind else ''}"


def examples(prompt: Prompt, shown: Iterable[tuple[str, list[Command]]]) -> list[Said]:
    """Return examples as turns of a chat."""
    turns: list[Said] = []
    for said, commands in shown:
        turns.append(Said("user", _filled(prompt, said)))
        turns.append(Said("assistant", _json({"commands": commands})))
    return turns


@lru_cache(maxsize=64)
def schema(specs: tuple[CommandSpec, ...], raw: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the JSON schema of an answer: a list of commands, each with its own fields alone.

    A field that may be left out is not required: where it had to be null, small models fill it.
    """
    variants = [_variant(name_of(spec), spec.parsed_fields) for spec in _answered(specs)]
    variants += [
        {
            "type": "object",
            "properties": {"interaction_type": {"const": kind}, "action": {"type": "string"}},
            "required": ["interaction_type"],
        }
        for kind in raw
    ]
    variants.append(_variant(NONE, (FieldSpec("reply"),)))
    items = {"anyOf": variants}
    return {
        "type": "object",
        "properties": {"commands": {"type": "array", "items": items, "minItems": 1}},
        "required": ["commands"],
        "additionalProperties": False,
    }


def _variant(name: str, fields: Sequence[FieldSpec]) -> dict[str, Any]:
    described = {field.name: replace(field, required=True).json_schema for field in fields}
    return {
        "type": "object",
        "properties": {"command": {"const": name}, **described},
        "required": ["command", *(field.name for field in fields if field.required)],
        "additionalProperties": False,
    }


def opening(
    prompt: Prompt,
    commands: str,
    text: str,
    earlier: str = "",
    errors: Sequence[str] = (),
    turns: Sequence[Said] = (),
) -> tuple[str, list[Said]]:
    """Return the system prompt and the turns that ask for a command the first time.

    The turns begin with the examples', `turns`.
    """
    user = _filled(prompt, text, earlier)
    if errors:
        user += "\n\n" + correction(errors)
    system = f"{prompt.system}\n\n{commands}" if commands else prompt.system
    return system, [*turns, Said("user", user)]


def _filled(prompt: Prompt, text: str, earlier: str = "") -> str:
    filled = {"user_input": _as_data(text), "history_context": earlier}
    return re.sub(r"\{(user_input|history_context)\}", lambda m: filled[m[1]], prompt.user_template)


def again(answer: str, errors: Sequence[str]) -> list[Said]:
    """Return the turns that show a model its answer and what was wrong with it."""
    return [
        Said("assistant", answer[:MAX_ANSWER_SHOWN] or "(nothing)"),
        Said("user", correction(errors)),
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


def guess(command: Command) -> str:
    """Tell what a message's words alone may mean: small models are right more often for it."""
    fields = {**command}
    name = f"{fields.pop('interaction_type')}.{fields.pop('action')}"
    said = _as_data(_json({"command": name, **fields}))
    return f"By its words alone it may mean {said}, if it orders anything.\n\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
