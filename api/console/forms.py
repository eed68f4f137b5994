"""Forms made from a model: its fields with labels and limits, and what was filled in as JSON.

What the fields mean is said by the model alone. The API checks what is sent, and its words about a
field are shown beside it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from werkzeug.datastructures import MultiDict

from api.console.page import local_time, user_zone

MAX_LINE = 255  # characters; a longer text gets several lines
PLAIN_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")  # as browsers send it
INPUTS = {"date-time": "datetime-local", "date": "date", "time": "time", "password": "password"}
NONE = ("", "\N{EN DASH}")
YES_OR_NO = [NONE, ("true", "yes"), ("false", "no")]

Schema = dict[str, Any]


@dataclass(frozen=True)
class FormField:
    """One field, as the macro `ui.input` shows it, and how its text is read."""

    name: str
    schema: Schema
    required: bool
    nullable: bool
    value: str = ""
    error: str = ""

    @property
    def is_needed(self) -> bool:
        """Whether it can't be left empty."""
        return self.required or (self.value != "" and not self.nullable)

    @property
    def label(self) -> str:
        """What stands beside it."""
        words = str(self.schema.get("title") or self.name)
        return words.removesuffix(" At").replace("_", " ").capitalize()

    @property
    def hint(self) -> str:
        """What the model says of it, and how to write it."""
        hint = str(self.schema.get("description", ""))
        return " ".join([hint, "One on each line."] if self.kind == "array" else [hint]).strip()

    @property
    def kind(self) -> str:
        """Its type in JSON; a number that may be written as text, too, is a number."""
        return str(self.schema.get("type", "string"))

    @property
    def input(self) -> str:
        """The type of its element."""
        if self.kind in ("integer", "number"):
            return "number"
        return INPUTS.get(self.schema.get("format", ""), "text")

    @property
    def choices(self) -> list[tuple[str, str]] | None:
        """What there is to choose from, if that is limited."""
        if self.kind == "boolean":
            return YES_OR_NO[1:] if self.is_needed else YES_OR_NO
        if "enum" not in self.schema:
            return None
        some = [(str(one), str(one)) for one in self.schema["enum"]]
        return some if self.is_needed else [NONE, *some]

    @property
    def rows(self) -> int:
        """How many lines it has; 0 for one that can't have more."""
        is_long = self.kind == "string" and self.input == "text" and not self.choices
        is_long &= self.limit("max", MAX_LINE) > MAX_LINE or "\n" in self.value
        return 3 if self.kind == "array" or is_long else 0

    @property
    def step(self) -> str | None:
        """How exact a number or a time is."""
        return {"number": "any", "integer": "1"}.get(
            self.kind, "1" if self.input in ("datetime-local", "time") else None
        )

    def limit(self, which: str, otherwise: Any = None) -> Any:  # noqa: ANN401 - a number, or None
        """Return the limit `min` or `max` of a number, or of a text's length."""
        names = {"min": ("minimum", "minLength"), "max": ("maximum", "maxLength")}[which]
        found = (self.schema[name] for name in names if name in self.schema)
        return next(found, otherwise)

    def read(self, text: str) -> Any:  # noqa: ANN401 - any JSON
        """Return what was filled in; what can't be read is left for the API to refuse."""
        if self.kind == "array":
            return [line for line in text.split("\n") if line.strip()]
        if text == "" and self.nullable:
            return None
        if self.kind == "boolean":
            return text == "true"
        try:
            if self.kind == "integer" and PLAIN_NUMBER.fullmatch(text):
                return int(text)
            if self.input == "datetime-local":
                return datetime.fromisoformat(text).replace(tzinfo=user_zone()).isoformat()
        except ValueError:
            return text
        return text


def fields_of(
    model: type[BaseModel] | Schema,
    values: Mapping[str, Any] | None = None,
    only: Sequence[str] | None = None,
) -> list[FormField]:
    """Return the fields of a model, or of a JSON schema, with the values that they have."""
    schema = model if isinstance(model, dict) else _schema_of(model)
    known = values or {}
    return [
        _filled(_field(name, one, schema), known.get(name))
        for name, one in schema.get("properties", {}).items()
        if only is None or name in only
    ]


def read_form(
    fields: Sequence[FormField], form: MultiDict[str, str], *, changes: bool = False
) -> dict[str, Any]:
    """Return what was filled in, by the fields' names; with `changes` only what differs."""
    given = [(one, form[one.name].replace("\r\n", "\n")) for one in fields if one.name in form]
    return {
        field.name: field.read(text)
        for field, text in given
        if (text != field.value if changes else text != "" or field.required)
    }


def with_errors(
    fields: Sequence[FormField], form: MultiDict[str, str], errors: Mapping[str, str]
) -> list[FormField]:
    """Return the fields as they were filled in, each with what is wrong with it."""
    return [
        replace(
            field,
            value=form.get(field.name, field.value),
            error=next(
                (words for at, words in errors.items() if at.split(".")[0] == field.name), ""
            ),
        )
        for field in fields
    ]


def shown(value: Any, schema: Schema) -> str:  # noqa: ANN401 - any JSON
    """Return a value as it stands in an input."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "\n".join(map(str, value))
    if schema.get("format") == "date-time" and (local := local_time(str(value))):
        return local.strftime("%Y-%m-%dT%H:%M:%S" if local.second else "%Y-%m-%dT%H:%M")
    return str(value)


@lru_cache(maxsize=256)
def _schema_of(model: type[BaseModel]) -> Schema:
    return model.model_json_schema()


def _field(name: str, schema: Schema, whole: Schema) -> FormField:
    title = {key: schema[key] for key in ("title", "description") if key in schema}
    kinds = [_resolved(one, whole) for one in schema.get("anyOf", [schema])]
    some = [one for one in kinds if one.get("type") != "null"] or [{}]
    number = next((one for one in some if one.get("type") == "number"), some[0])
    nullable = len(some) < len(kinds)
    return FormField(name, number | title, name in whole.get("required", []), nullable)


def _filled(field: FormField, value: Any) -> FormField:  # noqa: ANN401 - any JSON
    return replace(field, value=shown(value, field.schema))


def _resolved(schema: Schema, whole: Schema) -> Schema:
    reference = schema.get("$ref", "").rpartition("/")[2]
    return {**whole["$defs"][reference], **schema} if reference else schema
