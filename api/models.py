"""What the models of all routes are made from."""

from datetime import UTC, datetime
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

import api.http.json  # noqa: F401 - before any route is declared
from core.agents.tables import ChatAddress

Value = TypeVar("Value")

WRONG_LOGIN = "The user name or the password is wrong."


def storable(value: Value) -> Value:
    """Refuse what PostgreSQL can't keep in a text. Raises ValueError."""
    if isinstance(value, str) and "\0" in value:
        raise ValueError("a NUL character can't be stored")
    return value


Text = Annotated[str, AfterValidator(storable)]
"""Any text that every database can keep."""

Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=255),
    AfterValidator(storable),
]
"""A name of 1 to 255 characters, without blanks around it."""


Short = Annotated[str, StringConstraints(pattern=r"^[^\x00]+$", max_length=64)]
"""A name or an id as a platform gives it, of 1 to 64 characters."""
Platform = Annotated[str, StringConstraints(pattern=r"^[^\x00]+$", max_length=32)]
Process = Annotated[str, StringConstraints(pattern=r"^[^\x00]+$", max_length=128)]
"""What a process of the bot calls itself."""


def _written(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("write the time as text, such as 2030-01-31T17:00:00+01:00")
    return value


def _within_reach(value: datetime) -> datetime:
    if not 1970 <= value.year <= 9998:  # no zone can push it over the edge of what databases keep
        raise ValueError("this year is out of reach")
    return value.astimezone(UTC)


PointInTime = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_within_reach)]
"""A time with its zone, as text in ISO 8601; it becomes UTC."""


def optional() -> Any:  # noqa: ANN401 - stands in for a value of any type
    """Return the default of a field that may be left out, though it can't be null."""
    return Field(default_factory=lambda: None)


class Body(BaseModel):
    """A request's body: unknown fields are refused, so nobody sets an id, an owner or a time."""

    model_config = ConfigDict(extra="forbid")

    def given(self) -> dict[str, Any]:
        """Return the fields that the caller sent."""
        return self.model_dump(exclude_unset=True)


class ChatAddressIn(Body):
    """A person, as an agent meets them on a platform."""

    platform: Platform
    agent: Short
    account_id: Short

    @property
    def address(self) -> ChatAddress:
        """Where they are met."""
        return ChatAddress(self.platform, self.agent, self.account_id)


class Credentials(Body):
    """Who someone says they are."""

    username: Text
    password: Text


class Token(BaseModel):
    """What every other request shows."""

    token: str


class Change(Body):
    """A body that changes what it names, and has to name something."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("There is nothing to change.")
        return self


class Page(Body):
    """Which part of a list is wanted."""

    limit: int = Field(100, ge=1, le=1000, description="How many rows at most.")
    cursor: str | None = Field(
        None, max_length=500, description="Where the page before ended, from its Link header."
    )
    offset: int = Field(0, ge=0, le=10_000_000, description="How many rows to skip.")


def list_of(model: type[BaseModel]) -> Any:  # noqa: ANN401 - APIFlask's types know no lists
    """Return the schema of a list, for `output`."""
    return list[model]  # type: ignore[valid-type]


class Success(BaseModel):
    """It is done."""

    success: bool = True


EVENTS: Any = {
    "200": {
        "description": "Events, as they come.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
"""The answer of a route that streams events, for its documentation."""


class Error(BaseModel):
    """What went wrong, in words for a person."""

    error: str
    fields: dict[str, str] | None = Field(None, description="What is wrong with which field.")
    request_id: str | None = Field(None, description="Names the log lines of an unexpected error.")
