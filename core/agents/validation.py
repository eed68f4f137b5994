"""What an agent may be: its definition is held against config/agents.schema.json.

The file is made by `manage.py generate` from the models of the bot; editors use it too.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from config.settings import ROOT
from core.agents.tables import NAME_LENGTH
from core.errors import InvalidInput

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError

SCHEMA_FILE = ROOT / "config" / "agents.schema.json"
NAME = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{NAME_LENGTH - 1}}}")
MAX_PROBLEMS = 10
MAX_MEMORY = 36_500  # days
BOUNDS = {
    "maximum": "more than",
    "minimum": "less than",
    "exclusiveMaximum": "not below",
    "exclusiveMinimum": "not above",
}

_schema: dict[str, Any] | None = None


def check_definition(name: str, definition: Mapping[str, Any]) -> None:
    """Raise InvalidInput, with one line a problem, where an agent can't be like this."""
    check_name(name)
    problems = list(dict.fromkeys(problems_of(definition)))
    if problems:
        raise InvalidInput("\n".join(problems[:MAX_PROBLEMS]))


def check_name(name: str) -> None:
    """Raise InvalidInput where no agent can be called like this."""
    if not NAME.fullmatch(name):
        raise InvalidInput(
            f"name: up to {NAME_LENGTH} small letters, digits, - and _, a letter or digit first."
        )


def problems_of(definition: Mapping[str, Any]) -> Iterator[str]:
    """Say what is wrong with a definition, such as `settings.temperature: 5 is more than 2`."""
    errors = sorted(_validator().iter_errors(definition), key=lambda error: list(error.path))
    for error in errors:
        where = ".".join(str(part) for part in error.absolute_path)
        yield f"{where}: {_words(error)}" if where else _words(error)


def _words(error: "ValidationError") -> str:
    """Say in plain words what the commonest rules of JSON Schema ask for."""
    given: Any = error.instance
    rule: Any = error.validator_value
    match error.validator:
        case str(bound) if bound in BOUNDS:
            return f"{given} is {BOUNDS[bound]} {rule}"
        case "enum" | "const":
            known = rule if isinstance(rule, list) else [rule]
            return f"{_short(given)} is not known; there is {', '.join(map(str, known))}"
        case "type":
            wanted = rule if isinstance(rule, list) else [rule]
            return f"{_short(given)} is not of the type {' or '.join(wanted)}"
        case "required":
            return f"{error.message.partition(' is a')[0]} is missing"
        case "additionalProperties":
            schema: Any = error.schema
            names = sorted(schema.get("properties", {}))
            odd = sorted(set(given) - set(names))
            return f"{', '.join(map(_short, odd))}: unknown; there is {', '.join(names) or 'none'}"
        case "maxLength":
            return f"longer than {rule} characters"
        case "minLength":
            return f"shorter than {rule} characters"
        case "anyOf" | "oneOf" if error.context:
            # Where one choice is of the value's own type, that is the one that was meant.
            meant = [one for one in error.context if one.validator != "type"] or error.context
            return " or ".join(dict.fromkeys(map(_words, meant)))
        case _:
            # Without the value: a key may have been put where its variable's name belongs.
            return f"it can't be used ({error.validator}: {_short(rule)})"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def use_schema(schema: dict[str, Any]) -> None:
    """Check against this schema instead of the file, which may be older than the program."""
    global _schema  # the one place that owns it
    _schema = schema
    definitions.cache_clear()
    _validator.cache_clear()


@lru_cache(maxsize=1)
def definitions() -> dict[str, Any]:
    """Return the JSON schemas of an agent, its rules and its types' settings, by name."""
    schema = _schema or json.loads(SCHEMA_FILE.read_text("utf-8"))
    found: dict[str, Any] = schema["$defs"]
    return found


def settings_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON schema of each type's settings, by the type's name."""
    known = definitions()
    branches = [(one["if"], one["then"]) for one in known["agent"]["allOf"]]
    return {
        when["properties"]["type"]["const"]: known[
            then["properties"]["settings"]["$ref"].rpartition("/")[2]
        ]
        for when, then in branches
    }


@lru_cache(maxsize=1)
def _validator() -> "Draft202012Validator":
    from jsonschema import Draft202012Validator  # here, for most starts define no agent

    known = definitions()
    return Draft202012Validator({**known["agent"], "$defs": known})
