"""The same JSON schema in plainer words, for servers that know no `anyOf`."""

from typing import Any

Json = dict[str, Any]


def flattened(schema: Json) -> Json:
    """Return a schema in which one object with all their properties replaces several to choose of.

    It says less: of those properties only what all objects require is required. A schema without
    `anyOf` is returned itself.
    """
    return _flat(schema) if _has_choice(schema) else schema


def _has_choice(value: object) -> bool:
    if isinstance(value, dict):
        return "anyOf" in value or any(_has_choice(one) for one in value.values())
    return isinstance(value, list) and any(_has_choice(one) for one in value)


def _flat(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, list):
        return [_flat(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "anyOf" in value:
        return _joined([_flat(one) for one in value["anyOf"]])
    return {name: _flat(one) for name, one in value.items()}


def _joined(choices: list[Json]) -> Json:
    """Return one object for several, or the first of several that are none."""
    if not all(one.get("type") == "object" for one in choices):
        return choices[0]
    properties: dict[str, Json] = {}
    for name, given in (item for one in choices for item in one.get("properties", {}).items()):
        properties[name] = _either(properties[name], given) if name in properties else _named(given)
    required = [name for name in properties if all(name in o.get("required", ()) for o in choices)]
    return {"type": "object", "properties": properties, "required": required}


def _named(given: Json) -> Json:
    return {"type": "string", "enum": [given["const"]]} if "const" in given else given


def _either(one: Json, other: Json) -> Json:
    """Return a schema for what either takes: texts where they differ, which are read later."""
    other = _named(other)
    if "enum" in one and "enum" in other:
        return {**one, "enum": [*dict.fromkeys([*one["enum"], *other["enum"]])]}
    return one if one == other else {"type": "string"}
