"""When an agent answers: its rules, the facts of a message, and the decision. Knows no Discord."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Id = Annotated[
    int,
    Field(ge=1, lt=2**64),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^[0-9]+$"}]}
    ),
]
"""Discord's number of a user, server, channel or role, with or without quotes around it."""

Call = Literal["name", "reply", "command", "everyone"]
"""How a message turns to the agent: by its name, as a reply to a message of its own, by a slash
command or a button, or as one of all, with @everyone or @here, which calls nobody."""


class Rules(BaseModel):
    """When an agent answers. What is left out has the value that stands here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mention: bool = Field(True, description="Answer in servers where it is mentioned by name.")
    reply: bool = Field(True, description="Answer in servers to replies to its own messages.")
    direct_messages: Literal["everyone", "listed", "off"] = Field(
        "everyone", description="Whose direct messages it answers; listed: those in `users`."
    )
    users: tuple[Id, ...] = Field((), description="Who may write to it where DMs are `listed`.")
    guilds: tuple[Id, ...] = Field((), description="The servers it answers in; none: all.")
    listed_guilds_only: bool = Field(
        False, description="Where `guilds` is empty, answer in no server instead of in all."
    )
    channels: tuple[Id, ...] = Field(
        (), description="The channels it answers in, with their threads; none: all."
    )
    without_mention: tuple[Id, ...] = Field(
        (), description="The channels where it answers everything that people write."
    )
    threads: bool = Field(
        False, description="Open a thread for each conversation in those channels, and follow it."
    )
    roles: tuple[Id, ...] = Field(
        (), description="Answer in servers only who has one of these roles; none: everyone."
    )


DIRECT_ONLY = Rules(mention=False, reply=False)
"""Answer in direct messages alone, and slash commands everywhere."""


@dataclass(frozen=True)
class Facts:
    """What the rules go by."""

    author_id: int
    by_machine: bool = False  # a bot (itself included), a webhook, or Discord
    guild_id: int | None = None  # None in a direct message
    channel_id: int = 0
    parent_id: int | None = None  # the channel that a thread is under
    is_followed: bool = False  # it is in a thread that the agent opened, or in a forum's post
    role_ids: frozenset[int] = frozenset()
    calls: frozenset[Call] = frozenset()


class Silence(StrEnum):
    """Why an agent does not answer."""

    MACHINE = "it was not written by a person"
    DIRECT = "direct messages are off"
    STRANGER = "who wrote is not among its users"
    GUILD = "the server is not among its servers"
    CHANNEL = "the channel is not among its channels"
    ROLE = "who wrote has none of its roles"
    NOT_CALLED = "it was not called"


def silence(rules: Rules, facts: Facts) -> Silence | None:
    """Return why the rules forbid an answer, or None where they allow it."""
    if facts.by_machine:
        return Silence.MACHINE
    if facts.guild_id is None:
        return _in_direct_message(rules, facts)
    return _in_guild(rules, facts)


def _in_direct_message(rules: Rules, facts: Facts) -> Silence | None:
    if rules.direct_messages == "off":
        return Silence.DIRECT
    if rules.direct_messages == "listed" and facts.author_id not in rules.users:
        return Silence.STRANGER
    return None


def _in_guild(rules: Rules, facts: Facts) -> Silence | None:
    if (rules.guilds or rules.listed_guilds_only) and facts.guild_id not in rules.guilds:
        return Silence.GUILD
    if rules.channels and not {facts.channel_id, facts.parent_id} & set(rules.channels):
        return Silence.CHANNEL
    if rules.roles and not facts.role_ids & set(rules.roles):
        return Silence.ROLE
    if listens(rules, facts):
        return None
    heeded = {"command"}
    if rules.mention:
        heeded.add("name")
    if rules.reply:
        heeded.add("reply")
    return None if facts.calls & heeded else Silence.NOT_CALLED


def listens(rules: Rules, facts: Facts) -> bool:
    """Say whether a message is where the agent answers everything, called or not.

    A thread that people open there to talk with each other is not.
    """
    listed = set(rules.without_mention)
    return facts.channel_id in listed or (facts.is_followed and facts.parent_id in listed)
