"""When an agent answers: every combination of its rules and what it may go by."""

from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from bot.rules import Facts, Rules, Silence, silence

ME, OTHER = 7, 8
GUILD, CHANNEL, PARENT, ROLE = 10, 20, 21, 30

# Each table: rules, facts, and whether they allow an answer. What one of them forbids is forbidden.
Table = list[tuple[dict[str, Any], dict[str, Any], bool]]

WHO: Table = [({}, {"by_machine": False}, True), ({}, {"by_machine": True}, False)]

CALLED: Table = [
    ({"mention": mention, "reply": reply}, {"calls": frozenset(calls)}, allowed)
    for calls, with_both, with_mention, with_reply, with_none in [
        # mention and reply: both, mention alone, reply alone, neither
        ((), False, False, False, False),
        (("everyone",), False, False, False, False),
        (("name",), True, True, False, False),
        (("name", "everyone"), True, True, False, False),
        (("reply",), True, False, True, False),
        (("reply", "everyone"), True, False, True, False),
        (("name", "reply"), True, True, True, False),
        (("name", "reply", "everyone"), True, True, True, False),
        (("command",), True, True, True, True),
    ]
    for mention, reply, allowed in [
        (True, True, with_both),
        (True, False, with_mention),
        (False, True, with_reply),
        (False, False, with_none),
    ]
]

GUILDS: Table = [
    ({"guilds": []}, {"guild_id": GUILD}, True),
    ({"guilds": [GUILD, OTHER]}, {"guild_id": GUILD}, True),
    ({"guilds": [OTHER]}, {"guild_id": GUILD}, False),
    ({"guilds": [], "listed_guilds_only": True}, {"guild_id": GUILD}, False),
    ({"guilds": [GUILD], "listed_guilds_only": True}, {"guild_id": GUILD}, True),
    ({"guilds": [OTHER], "listed_guilds_only": True}, {"guild_id": GUILD}, False),
]

CHANNELS: Table = [
    ({"channels": channels}, {"channel_id": CHANNEL, "parent_id": parent}, allowed)
    for channels, parent, allowed in [
        ([], None, True),
        ([], PARENT, True),
        ([CHANNEL], None, True),
        ([CHANNEL], PARENT, True),
        ([PARENT], None, False),
        ([PARENT], PARENT, True),
        ([OTHER], None, False),
        ([OTHER], PARENT, False),
    ]
]

ROLES: Table = [
    ({"roles": roles}, {"role_ids": frozenset(has)}, allowed)
    for roles, has, allowed in [
        ([], (), True),
        ([], (ROLE,), True),
        ([ROLE], (), False),
        ([ROLE], (ROLE, OTHER), True),
        ([ROLE, OTHER], (OTHER,), True),
        ([ROLE], (OTHER,), False),
    ]
]

DIRECT: Table = [
    ({"direct_messages": policy, "users": users}, {}, allowed)
    for policy, users, allowed in [
        ("everyone", [], True),
        ("everyone", [OTHER], True),
        ("listed", [], False),
        ("listed", [ME], True),
        ("listed", [OTHER], False),
        ("off", [], False),
        ("off", [ME], False),
    ]
]


SERVER = (WHO, CALLED, GUILDS, CHANNELS, ROLES)


@pytest.mark.parametrize(
    ("deciding", "without_effect", "place"),
    [
        pytest.param(SERVER, DIRECT, {}, id="in servers"),
        pytest.param((WHO, DIRECT), CALLED, {"guild_id": None}, id="in direct messages"),
        pytest.param((WHO, DIRECT), GUILDS, {"guild_id": None}, id="whatever the servers"),
        pytest.param((WHO, DIRECT), CHANNELS, {"guild_id": None}, id="whatever the channels"),
        pytest.param((WHO, DIRECT), ROLES, {"guild_id": None}, id="whatever the roles"),
    ],
)
def test_every_combination(
    deciding: tuple[Table, ...], without_effect: Table, place: dict[str, Any]
) -> None:
    wrong = []
    for *rows, idle in product(*deciding, without_effect):
        rules: dict[str, Any] = {}
        facts: dict[str, Any] = {"author_id": ME}
        for rules_part, facts_part, _ in (idle, *rows):
            rules |= rules_part
            facts |= facts_part
        allowed = all(row[2] for row in rows)
        if (silence(Rules(**rules), Facts(**facts | place)) is None) is not allowed:
            wrong.append((rules, facts, allowed))
    assert wrong == []


def test_without_rules_it_answers_who_calls_it_and_direct_messages() -> None:
    assert silence(Rules(), Facts(ME)) is None
    assert silence(Rules(), Facts(ME, guild_id=GUILD)) is Silence.NOT_CALLED
    assert silence(Rules(), Facts(ME, guild_id=GUILD, calls=frozenset({"name"}))) is None


@pytest.mark.parametrize(
    ("place", "allowed"),
    [
        ({"channel_id": CHANNEL}, True),
        ({"channel_id": OTHER}, False),
        ({"channel_id": OTHER, "parent_id": CHANNEL}, False),  # people talk among themselves there
        ({"channel_id": OTHER, "parent_id": CHANNEL, "is_followed": True}, True),
        ({"channel_id": OTHER, "parent_id": PARENT, "is_followed": True}, False),
        ({"channel_id": CHANNEL, "by_machine": True}, False),
        ({"channel_id": CHANNEL, "guild_id": OTHER}, False),
        ({"channel_id": CHANNEL, "author_id": OTHER, "role_ids": frozenset()}, False),
    ],
)
def test_it_answers_everything_in_listed_channels(place: dict[str, Any], allowed: bool) -> None:
    rules = Rules(without_mention=(CHANNEL,), guilds=(GUILD,), roles=(ROLE,))
    facts = Facts(**{"author_id": ME, "guild_id": GUILD, "role_ids": frozenset({ROLE})} | place)
    assert (silence(rules, facts) is None) is allowed


def test_a_channel_that_it_does_not_answer_in_is_not_listened_to() -> None:
    rules = Rules(without_mention=(CHANNEL,), channels=(OTHER,))
    assert silence(rules, Facts(ME, guild_id=GUILD, channel_id=CHANNEL)) is Silence.CHANNEL


def test_numbers_may_be_quoted() -> None:
    assert Rules.model_validate({"users": ["123", 456]}).users == (123, 456)


@pytest.mark.parametrize(
    "wrong",
    [{"user": []}, {"users": ["ada"]}, {"users": [-1]}, {"users": [2**64]}, {"mention": "often"}],
)
def test_rules_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Rules.model_validate(wrong)
