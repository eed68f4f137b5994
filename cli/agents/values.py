"""Values of agents as people type them: `settings.prefix=> `, `answers.guilds=123,456`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from cli.agents.schema import agents_schema
from cli.errors import fail
from core.agents.validation import settings_schemas, use_schema
from core.db.compiled import Row as Row

Schema = dict[str, Any]

PLAIN: dict[str, Schema] = {
    "enabled": {"type": "boolean"},
    "memory_days": {"type": ["integer", "null"]},
}


def known_fields(type_: str) -> dict[str, Schema]:
    """Return the schema of every value of an agent of this type, by its dotted name.

    From now on agents are checked against the program as it is, a new type's file included.
    """
    schema = agents_schema()
    use_schema(schema)
    parts: dict[str, Schema] = {
        "answers": schema["$defs"]["agent"]["properties"]["answers"],
        "settings": settings_schemas().get(type_, {}),
    }
    fields = dict(PLAIN)
    for part, found in parts.items():
        model = _resolved(found, schema)
        needed = model.get("required", [])
        for name, one in model.get("properties", {}).items():
            fields[f"{part}.{name}"] = {**_resolved(one, schema), "needed": name in needed}
    return fields


def _resolved(schema: Schema, whole: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    target = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}


def kinds(schema: Schema) -> set[str]:
    """Return the types of JSON that a schema allows at its top."""
    found = schema.get("type", [])
    allowed = {found} if isinstance(found, str) else {*found}
    for one in schema.get("anyOf", []):
        allowed |= kinds(one)
    return allowed


def read_value(text: str, schema: Schema) -> Any:  # noqa: ANN401 - any JSON
    """Return what a person means by a text where this schema holds; a bad one is checked later."""
    allowed = kinds(schema)
    if "null" in allowed and text.strip() in ("", "null"):
        return None
    if "array" in allowed and not text.strip().startswith("["):
        items = schema.get("items", {})
        return [read_value(part.strip(), items) for part in text.split(",") if part.strip()]
    if "integer" in allowed and text.isascii() and text.strip().isdigit():
        return int(text)
    if "string" in allowed:
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


@dataclass(frozen=True)
class Changes:
    """What `--set` and `--unset` say."""

    values: dict[str, str] = field(default_factory=dict)
    unset: tuple[str, ...] = ()

    @classmethod
    def read(cls, sets: Iterable[str], unset: Iterable[str] = ()) -> "Changes":
        """Take `KEY=VALUE` apart, or end the command."""
        values = {}
        for one in sets:
            key, equals, value = one.partition("=")
            if not equals:
                raise fail(f"--set {key}: write KEY=VALUE, such as settings.prefix=Hello.")
            values[key.strip()] = value
        return cls(values, tuple(unset))

    def of(self, type_: str, now: Mapping[str, Any]) -> Row:
        """Return the definition's parts that change, whole; end the command for unknown names."""
        fields = known_fields(type_)
        for key in (*self.values, *self.unset):
            if key not in fields:
                raise fail(f"{key}: unknown; there is {', '.join(fields)}.")
        changed: Row = {}
        for key, text in self.values.items():
            part, _, name = key.partition(".")
            value = read_value(text, fields[key])
            if name:
                changed.setdefault(part, dict(now.get(part, {})))[name] = value
            else:
                changed[part] = value
        for key in self.unset:
            part, _, name = key.partition(".")
            if name:
                changed.setdefault(part, dict(now.get(part, {}))).pop(name, None)
            else:
                changed[part] = {"enabled": True, "memory_days": None}[part]
        return changed
