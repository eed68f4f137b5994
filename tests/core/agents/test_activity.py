"""What agents do, as it is kept for administrators: bounded, by agent, and in words."""

from datetime import timedelta

import pytest

from bot.rules import Rules
from core import agents, postgres, usage
from core.agents import activity, memory, rules
from core.agents.activity import LINES_KEPT, Line
from core.agents.memory import Turn
from core.agents.tables import ChatAddress
from core.users import create_user
from runtime.clock import utc_now

pytestmark = pytest.mark.every_database


@pytest.fixture(autouse=True)
def helper(database: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_HELPER_TOKEN", "not-a-real-one-" + "t" * 40)
    agents.add("helper", "env:AGENT_HELPER_TOKEN", {"type": "echo"})


def test_the_latest_lines_of_each_agent_are_kept() -> None:
    now = utc_now()
    activity.note([Line("other", now, "WARNING", "of another")], {}, now)
    for number in range(0, LINES_KEPT + 20, 10):
        some = [Line("helper", now, "ERROR", f"line {number + one}") for one in range(10)]
        activity.note(some, {}, now)
    kept = activity.log_of("helper", 1000)
    assert len(kept) == LINES_KEPT
    assert kept[0]["message"] == f"line {LINES_KEPT + 19}"
    assert len(activity.log_of("other", 10)) == 1
    activity.note([Line("helper", now + timedelta(days=40), "WARNING", "late")], {}, now)
    later = now + timedelta(days=40)
    activity.note([Line("helper", later, "WARNING", "later")], {}, later)
    assert [row["message"] for row in activity.log_of("helper", 10)] == ["later", "late"]


def test_agents_are_told_with_errors_counts_and_tokens() -> None:
    now = utc_now()
    row = activity.find("helper", now)
    assert (row["messages_per_minute"], row["last_error"], row["tokens_today"]) == (None, None, 0)
    lines = [Line("helper", now, level, level.lower()) for level in ("ERROR", "WARNING")]
    activity.note(lines, {"helper": 7, "gone": 1}, now)
    user = create_user({"id": memory.UUID(int=1), "username": "ada", "password_hashed": b"x"})
    for days, tokens in ((0, 100), (1, 9000)):
        spent = {"user_uuid": user["id"], "day": usage.day_of(now - timedelta(days=days))}
        more = {"agent": "helper", "prompt_tokens": tokens, "completion_tokens": 1}
        postgres.insert("model_usage", spent | more)
    (row,) = activity.list_all(now, 10)
    assert (row["messages_per_minute"], row["last_error"], row["tokens_today"]) == (7, "error", 101)
    assert activity.list_all(now, 10, after="helper") == []


def test_costs_are_added_up_by_model() -> None:
    now = utc_now()
    one = {"requests": 1, "prompt_tokens": 10, "completion_tokens": 5, "cost": 0.25}
    usage.note_models([{"model": "m"} | one, {"model": "n"} | one], now)
    usage.note_models([{"model": "m"} | one], now)
    usage.note_models([{"model": "old"} | one], now - timedelta(days=9))
    found = usage.totals(now, 7, "model", 50)
    assert [(row["name"], row["tokens"], row["cost"]) for row in found] == [
        ("m", 30, 0.5),
        ("n", 15, 0.25),
    ]


def test_people_whom_an_agent_remembers_are_listed_without_what_was_said() -> None:
    now = utc_now()
    for number, account in enumerate(("1", "2", "2")):
        said = [Turn("user", "a secret")]
        memory.append(
            ChatAddress("discord", "helper", account), said, now + timedelta(seconds=number)
        )
    memory.append(ChatAddress("discord", "other", "3"), [Turn("user", "x")], now)
    found = memory.people_of("helper", 50)
    assert [(row["account_id"], row["turns"], row["username"]) for row in found] == [
        ("2", 2, None),
        ("1", 1, None),
    ]
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({}, ["everybody's direct messages", "In all servers it answers everyone, where the"]),
        ({"direct_messages": "off"}, ["no direct messages"]),
        ({"direct_messages": "listed"}, ["direct messages of nobody"]),
        ({"direct_messages": "listed", "users": ["1", 2]}, ["of the users 1, 2."]),
        ({"guilds": [5], "channels": [6, 7]}, ["In the server 5, there in the channels 6, 7"]),
        ({"listed_guilds_only": True}, ["It answers in no server."]),
        ({"roles": [8]}, ["it answers who has the role 8"]),
        ({"mention": False}, ["replies to it or uses its commands"]),
        ({"mention": False, "reply": False}, ["where the person uses its commands"]),
        ({"without_mention": [9]}, ["It answers everything in the channel 9."]),
        ({"without_mention": [9], "threads": True}, ["opens a thread for each"]),
        ({"guilds": [*range(1, 2000)]}, ["1989 more"]),
        ({"unreadable": True}, ["it answers nobody"]),
    ],
)
def test_rules_are_told_in_words(answers: dict[str, object], told: list[str]) -> None:
    words = " ".join(rules.in_words(answers))
    assert all(one in words for one in told), words


def test_every_rule_has_words() -> None:
    other = {
        "mention": {"mention": False},
        "reply": {"reply": False},
        "direct_messages": {"direct_messages": "off"},
        "users": {"direct_messages": "listed", "users": [1]},
        "guilds": {"guilds": [1]},
        "listed_guilds_only": {"listed_guilds_only": True},
        "channels": {"channels": [1]},
        "without_mention": {"without_mention": [1]},
        "threads": {"without_mention": [1], "threads": True},
        "roles": {"roles": [1]},
    }
    assert other.keys() == Rules.model_fields.keys()
    for name, answers in other.items():
        without = {key: value for key, value in answers.items() if key != name}
        assert rules.in_words(answers) != rules.in_words(without), name
