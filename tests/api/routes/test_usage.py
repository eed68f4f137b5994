"""What language models cost, as the bot counts it and users read it."""

from typing import Any

import pytest

from config.settings import Settings
from core import usage
from core.errors import Unavailable
from core.tables import account_usage
from tests.support.api import ABSENT, Caller
from tests.support.databases import on_sqlite
from tests.support.waiting import Clock

COUNT, PATH = "/api/service/usage", "/api/usage"


def count(bot: Caller, **body: object) -> dict[str, Any]:
    answer = bot.post(COUNT, {"agent": "default", **body})
    assert answer.status_code == 200, answer.json
    counted: dict[str, Any] = answer.json
    return counted


def test_what_was_spent_is_shown_to_its_user(
    bot: Caller, ada: Caller, ben: Caller, settings: Settings
) -> None:
    spent = {"user_uuid": ada.uuid, "prompt_tokens": 900, "completion_tokens": 50, "cost": 0.25}
    midnight = "2030-01-02T00:00:00Z"
    assert count(bot, spent=[spent], wanted=[ada.uuid]) == {
        "reached": [None],
        "resets_at": midnight,
    }
    shown = ada.get(PATH).json
    assert shown == {
        "requests": 1,
        "prompt_tokens": 900,
        "completion_tokens": 50,
        "cost": 0.25,
        "request_limit": settings.model_requests_per_user_day,
        "token_limit": settings.model_tokens_per_user_day,
        "resets_at": midnight,
    }
    assert ben.get(PATH).json["prompt_tokens"] == 0


def test_who_has_reached_a_limit_is_refused_until_the_next_day(
    bot: Caller, ada: Caller, ben: Caller, clock: Clock, settings: Settings
) -> None:
    spent = {"user_uuid": ada.uuid, "prompt_tokens": settings.model_tokens_per_user_day}
    wanted = [ada.uuid, ben.uuid]
    assert count(bot, spent=[spent], wanted=wanted)["reached"] == ["tokens", None]
    clock.forward(hours=12)
    assert count(bot, wanted=wanted)["reached"] == [None, None]


def test_people_who_are_not_logged_in_are_counted_by_their_account(
    bot: Caller, ada: Caller, settings: Settings
) -> None:
    mallory = {"platform": "discord", "account_id": "7"}
    spent = {"account": mallory, "prompt_tokens": settings.model_tokens_per_user_day}
    wanted = [mallory, ada.uuid, {**mallory, "account_id": "8"}]
    assert count(bot, spent=[spent], wanted=wanted)["reached"] == ["tokens", None, None]


def test_an_agents_own_limit_holds(bot: Caller, ada: Caller) -> None:
    spent = {"user_uuid": ada.uuid, "prompt_tokens": 5}
    wanted = [ada.uuid, {"platform": "discord", "account_id": "7"}]
    told = count(bot, spent=[spent], wanted=wanted, agent_token_limit=5)
    assert told["reached"] == ["agent", "agent"]
    assert count(bot, wanted=wanted)["reached"] == [None, None]


@on_sqlite
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"agent": "a", "spent": [{"prompt_tokens": 1}]},
        {
            "agent": "a",
            "spent": [{"user_uuid": ABSENT, "account": {"platform": "discord", "account_id": "1"}}],
        },
        {"agent": "a", "wanted": [{"platform": "discord"}]},
        {"agent": "a", "agent_token_limit": -1},
        {"agent": ""},
        {"agent": "x" * 65},
        {"agent": "a", "wanted": ["ada"]},
        {"agent": "a", "wanted": [ABSENT] * 1001},
        {"agent": "a", "spent": [{"user_uuid": ABSENT, "cost": -1}]},
        {"agent": "a", "spent": [{"user_uuid": ABSENT, "prompt_tokens": -1}]},
        {"agent": "a", "spent": [{"user_uuid": ABSENT, "requests": 5}]},
    ],
)
def test_bad_bodies_are_refused(bot: Caller, body: dict[str, Any]) -> None:
    assert bot.post(COUNT, body).status_code == 400


@on_sqlite
def test_only_the_bot_counts(ada: Caller) -> None:
    assert ada.post(COUNT, {"agent": "default"}).status_code == 401


@pytest.mark.every_database
def test_what_was_spent_is_noted_as_a_whole_or_not_at_all(
    bot: Caller, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*given: object) -> None:
        if account_usage in given:
            raise Unavailable
        add_up(*given)

    add_up = usage.add_up
    stranger = {"account": {"platform": "discord", "account_id": "1"}, "prompt_tokens": 1}
    both = [{"user_uuid": ada.uuid, "prompt_tokens": 900}, stranger]
    with monkeypatch.context() as broken:
        broken.setattr(usage, "add_up", away)
        assert bot.post(COUNT, {"agent": "default", "spent": both}).status_code == 503
    count(bot, spent=both)  # sent again
    assert ada.get(PATH).json["prompt_tokens"] == 900
