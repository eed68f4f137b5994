"""The JSON in a model's reply, however it is wrapped."""

import json
import re
from typing import Any

import json_repair

WRAPPERS = ("command", "result", "response", "output", "order", "json", "answer", "properties")
NESTED = ("fields", "parameters", "params", "arguments", "args", "data", "payload")
THOUGHT_MARKS = ("think", "thinking", "thought", "reasoning")
_MARKS = "|".join(THOUGHT_MARKS)
THOUGHTS = re.compile(rf"<({_MARKS})>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
THOUGHTS_END = re.compile(rf"\A.*</(?:{_MARKS})>", re.DOTALL | re.IGNORECASE)
OPENING = re.compile(r"[\[{]")
LOOKS_LIKE_JSON = re.compile(r"\{\s*(?:[\"'}]|\w+\s*:)|\[\s*\{")
MAX_DEPTH = 6

Json = dict[str, Any]


class NoCommand(ValueError):
    """A reply holds no usable JSON; the message tells the model what to do about it."""


def extract(text: str, reasoning: str = "", *, is_cut_off: bool = False) -> list[Json]:
    """Return the flat objects that a reply holds, one a command; equal ones count once.

    Raises NoCommand where there is none. Nearly valid JSON is repaired, unless it was cut off: what
    is missing can't be known.
    """
    for part in (_spoken(text), reasoning):
        if found := _objects(part, may_repair=not is_cut_off):
            return [one for number, one in enumerate(found) if one not in found[:number]]
    if is_cut_off:
        raise NoCommand("Your answer was cut off. Answer with the JSON object alone.")
    if not (text.strip() or reasoning.strip()):
        raise NoCommand("Your answer was empty. Answer with one JSON object.")
    raise NoCommand("Your answer held no valid JSON. Answer with one JSON object and nothing else.")


def _spoken(text: str) -> str:
    """Take away what a model thought aloud."""
    without = THOUGHTS.sub("", text)
    return THOUGHTS_END.sub("", without)


def _objects(text: str, *, may_repair: bool) -> list[Json]:
    """Find the last JSON value in a text that holds objects; a final answer follows its drafts."""
    decoder = json.JSONDecoder()
    last: list[Json] = []
    position = 0
    while found := OPENING.search(text, position):
        try:
            value, position = decoder.raw_decode(text, found.start())
        except RecursionError:
            return []  # brackets without end
        except json.JSONDecodeError:
            if LOOKS_LIKE_JSON.match(text, found.start()):  # not just a brace in a sentence
                return _repaired(text[found.start() :]) if may_repair else []
            position = found.start() + 1
            continue
        last = _as_objects(value) or last
    return last


def _as_objects(value: Any) -> list[Json]:  # noqa: ANN401 - any JSON
    """Return the objects of a value: itself, those of a list, or those under `commands`."""
    values = value if isinstance(value, list) else [value]
    found: list[Json] = []
    for one in (one for one in values if isinstance(one, dict) and one):
        listed = one.get("commands")
        inner = _as_objects(listed) if isinstance(listed, list) else []
        around = {key: other for key, other in one.items() if key != "commands"}
        asks = bool(around.get("needs_clarification"))
        found += inner or ([flatten(around)] if around else [])
        if inner and asks:
            found[-1] = {**found[-1], "needs_clarification": around["needs_clarification"]}
    return found


def _repaired(text: str) -> list[Json]:
    """Repair JSON that is wrong in quotes, commas or brackets but whole to its end."""
    end = text.rfind("}") + 1
    if not end or '"' in text[end:]:
        return []
    return _as_objects(json_repair.loads(text[:end], skip_json_loads=True))


def flatten(data: Json, depth: int = 0) -> Json:
    """Lift nested fields up: `{"command": {...}}`, `{"action": {...}}`, `{"fields": {...}}`.

    What stands outside wins over what is nested.
    """
    flat: Json = {}
    lifted: list[Json] = []
    for key, value in data.items():
        inner = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(inner, dict) and depth < MAX_DEPTH:
            if key == "action":
                lifted.append(_named_action(inner, depth))
                continue
            if key in WRAPPERS or key in NESTED:
                lifted.append(flatten(inner, depth + 1))
                continue
        flat[key] = value
    for inner in lifted:
        flat = {**inner, **flat}
    return flat


def _named_action(inner: Json, depth: int) -> Json:
    """Flatten an action given as an object; its own name may be `action`, `type` or `name`."""
    named = next(
        (key for key in ("action", "type", "name") if isinstance(inner.get(key), str)), None
    )
    if named is None:
        return flatten(inner, depth + 1)
    rest = flatten({key: value for key, value in inner.items() if key != named}, depth + 1)
    return {**rest, "action": inner[named]}
