"""What a process of the bot tells of its agents: counts, costs, lines without people's words."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ai.llm.types import Usage
from bot.activity import MAX_CHARS, MAX_LINES, Activity
from bot.api.client import ApiAway
from bot.runtime.reporting import report
from runtime.logs import agent

Log = Callable[..., None]


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def activity(time: Time) -> Activity:
    return Activity(time)


@pytest.fixture
def log(activity: Activity) -> Iterator[logging.Logger]:
    """A logger of the bot's, heard by nobody else."""
    logger = logging.getLogger("bot.test_activity")
    logger.addHandler(activity)
    logger.propagate = False
    yield logger
    logger.removeHandler(activity)


def lines(activity: Activity) -> list[dict[str, str]]:
    told = activity.take()
    found: list[dict[str, str]] = told["lines"] if told else []
    return found


def test_messages_are_counted_for_a_minute_and_none_is_told_once(
    activity: Activity, time: Time
) -> None:
    for moment in (0.0, 30.0, 50.0):
        time.now = moment
        activity.answered("helper")
    told = activity.take()
    assert told is not None
    assert told["answered"] == {"helper": 3}
    for moment, count in ((61.0, 2), (120.0, 0)):
        time.now = moment
        assert (activity.take() or {})["answered"] == {"helper": count}
    assert activity.take() is None


def test_costs_are_added_up_by_model(activity: Activity) -> None:
    for model in ("m", "m", "n" * 300):
        activity.spent(model, Usage(10, 5), 0.25)
    told = activity.take()
    assert told is not None
    one = {"requests": 1, "prompt_tokens": 10, "completion_tokens": 5, "cost": 0.25}
    twice = {name: amount * 2 for name, amount in one.items()}
    assert told["models"] == [{"model": "m"} | twice, {"model": "n" * 200} | one]


def test_lines_have_no_words_of_errors(activity: Activity, log: logging.Logger) -> None:
    traceback = '  File "x.py", line 1, in f\nValueError: what ada said\n'
    token = agent.set("helper")
    log.error("the agent %s failed: %s", "helper", traceback)
    agent.reset(token)
    try:
        raise ValueError("what ada said")
    except ValueError:
        log.exception("it failed")
    log.warning("sent to https://ntfy.example/webhooks/123/abc-secret and %d", 7)
    log.info("nobody is told of this")
    told = lines(activity)
    assert [line["agent"] for line in told] == ["helper", "-", "-"]
    assert [line["level"] for line in told] == ["ERROR", "ERROR", "WARNING"]
    assert told[0]["message"] == "the agent helper failed: ValueError"
    assert told[1]["message"] == "it failed: ValueError"
    assert "ada said" not in str(told)
    assert "abc-secret" not in str(told)


def test_lines_of_libraries_are_left_out(activity: Activity) -> None:
    record = logging.LogRecord("discord.http", logging.ERROR, "", 1, "{'content': 'hi'}", (), None)
    activity.handle(record)
    assert activity.take() is None


@pytest.mark.parametrize("words", ["a\0b", "\ud800", "x" * 1000, "a\r\nb", "%s %s"])
def test_any_line_can_be_kept(activity: Activity, words: str) -> None:
    args = ("only one",)
    activity.handle(logging.LogRecord("bot.x", logging.ERROR, "", 1, words, args, None))
    (line,) = lines(activity)
    assert 0 < len(line["message"]) <= MAX_CHARS
    assert line["message"].isprintable()


def test_a_flood_of_lines_is_bounded(activity: Activity, log: logging.Logger) -> None:
    for number in range(1000):
        log.log(logging.CRITICAL + 5, "line %d", number)
    told = lines(activity)
    assert len(told) == MAX_LINES
    assert told[-1]["message"] == "line 999"
    assert told[-1]["level"] == "CRITICAL"


class Api:
    def __init__(self, away: int) -> None:
        self.away = away
        self.told: list[dict[str, Any]] = []

    async def service(self, path: str, data: dict[str, Any]) -> None:
        assert path == "agents/report"
        if self.away:
            self.away -= 1
            raise ApiAway
        self.told.append(data)


async def test_what_the_api_has_not_heard_is_told_later(
    activity: Activity, log: logging.Logger
) -> None:
    api = Api(away=1)
    log.error("first")
    activity.spent("m", Usage(1, 1), 0)
    await report(api, activity)  # type: ignore[arg-type]
    log.error("second")
    await report(api, activity)  # type: ignore[arg-type]
    await report(api, activity)  # type: ignore[arg-type]
    (told,) = api.told
    assert [line["message"] for line in told["lines"]] == ["first", "second"]
    assert told["models"][0]["requests"] == 1
