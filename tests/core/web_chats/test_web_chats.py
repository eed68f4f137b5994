"""Messages that wait for the bot, and what it says: who takes what, and what becomes of it."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from config.settings import get_settings
from core import agents, postgres, users, web_chats
from core.accounts import chat_links
from core.db.engine import Database
from core.errors import NotFound, TooManyAttempts
from core.web_chats import INTERRUPTED, MAX_EVENTS, MAX_WAITING, WAITED, Event
from runtime.clock import utc_now
from tests.support.people import user
from tests.support.waiting import Clock

HELLO = {"text": "hello"}


@pytest.fixture
def ada(database: Database) -> UUID:
    return user("ada")


def post(who: UUID, clock: Clock, text: str = "hello", agent: str = "default") -> UUID:
    return UUID(str(web_chats.post(who, agent, {"text": text}, clock())["id"]))


def claim(
    clock: Clock, process: str = "one", *under_way: UUID, agents: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    return web_chats.claim(process, agents, under_way, clock(), 20, default=True)


def events(who: UUID, after: int = 0, agent: str = "default") -> list[tuple[str, dict[str, Any]]]:
    rows = web_chats.events_after(web_chats.find(who, agent, utc_now())["id"], after)
    assert [row["number"] for row in rows] == sorted({row["number"] for row in rows})
    return [(row["kind"], json.loads(row["data"])) for row in rows]


def texts(who: UUID) -> list[str]:
    return [data["text"] for kind, data in events(who) if kind in ("reply", "delivery")]


def test_message_is_taken_once_and_the_next_one_when_it_is_settled(ada: UUID, clock: Clock) -> None:
    first, second = post(ada, clock, "one"), post(ada, clock, "two")
    (taken,) = claim(clock)
    assert taken["id"] == first
    assert (taken["content"]["text"], taken["username"]) == ("one", "ada")
    assert taken["user_uuid"] == ada
    assert claim(clock) == []
    web_chats.settle(first, clock())
    assert [one["id"] for one in claim(clock)] == [second]
    web_chats.settle(second, clock())
    assert claim(clock) == []
    assert [kind for kind, _ in events(ada)] == ["done", "done"]  # typing has ended


def test_processes_share_the_work_and_none_does_it_twice(database: Database, clock: Clock) -> None:
    people = [user(f"user{number}") for number in range(12)]
    posted = {post(who, clock) for who in people}
    with ThreadPoolExecutor(4) as pool:
        takings = pool.map(lambda name: claim(clock, name), ["a", "b", "c", "d"] * 3)
    taken = [one["id"] for taking in takings for one in taking]
    assert len(taken) == len(set(taken))
    taken += [one["id"] for one in claim(clock, "a")]
    assert {*taken} == posted


def test_chat_stays_with_its_process_until_that_is_gone(ada: UUID, clock: Clock) -> None:
    web_chats.settle(post(ada, clock), clock())
    first = post(ada, clock)
    assert claim(clock, "one")
    web_chats.settle(first, clock())
    second = post(ada, clock, "two")
    assert claim(clock, "two") == []
    clock.forward(minutes=1)
    (taken,) = claim(clock, "two")
    assert taken["id"] == second
    web_chats.settle(second, clock())
    post(ada, clock, "three")
    web_chats.leave("two")
    assert claim(clock, "one")


def test_answer_that_was_lost_with_its_process_is_told_of(ada: UUID, clock: Clock) -> None:
    first, second = post(ada, clock), post(ada, clock)
    claim(clock, "one")
    clock.forward(minutes=1)
    (taken,) = claim(clock, "two")
    assert taken["id"] == second  # the first may have been carried out
    assert texts(ada) == [INTERRUPTED]
    assert ("done", {"message": str(first)}) in events(ada)


def test_answer_that_takes_long_is_not_lost(ada: UUID, clock: Clock) -> None:
    message = post(ada, clock)
    claim(clock)
    clock.forward(minutes=5)
    assert claim(clock, "one", message) == []
    assert texts(ada) == []
    clock.forward(minutes=5)
    claim(clock, "one")  # the process does not know of it: the answer to its claim was lost
    assert texts(ada) == [INTERRUPTED]


def test_message_that_nobody_came_to_answer_is_not_answered_late(ada: UUID, clock: Clock) -> None:
    post(ada, clock, "remind me in five minutes")
    clock.forward(hours=1)
    assert claim(clock) == []
    assert texts(ada) == [WAITED]


def test_so_many_messages_wait_and_no_more(ada: UUID, clock: Clock) -> None:
    for _ in range(MAX_WAITING):
        post(ada, clock)
    with pytest.raises(TooManyAttempts):
        post(ada, clock)
    post(user("ben"), clock)
    assert postgres.count("web_chat_messages") == MAX_WAITING + 1


def test_what_waits_is_sealed(
    ada: UUID, clock: Clock, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    post(ada, clock, "correct horse")
    (row,) = postgres.select("web_chat_messages")
    assert "correct" not in row["content"]
    other = get_settings().model_copy(update={"service_key": get_settings().jwt_secret})
    monkeypatch.setattr(web_chats, "get_settings", lambda: other)
    assert claim(clock) == []
    assert texts(ada) == [INTERRUPTED]
    assert postgres.count("web_chat_messages") == 0


def test_later_event_takes_the_place_of_the_one_with_its_key(ada: UUID, clock: Clock) -> None:
    for text in ("a", "ab", "abc"):
        web_chats.say(ada, "default", [Event("reply", {"text": text}, "reply 1")], clock())
        web_chats.say(ada, "default", [Event("reply", {"text": "other"})], clock())
    assert texts(ada) == ["other", "other", "abc", "other"]
    assert events(ada, after=5) == [("reply", {"text": "other"})]


def test_chat_keeps_a_bounded_number_of_events_for_a_while(ada: UUID, clock: Clock) -> None:
    many = [Event("reply", {"text": str(number)}) for number in range(MAX_EVENTS + 130)]
    web_chats.say(ada, "default", many, clock())
    assert len(events(ada)) == MAX_EVENTS
    assert texts(ada)[-1] == str(MAX_EVENTS + 129)
    clock.forward(days=6)
    web_chats.say(ada, "default", [Event("reply", {"text": "new"})], clock())
    post(ada, clock)
    clock.forward(days=2)
    web_chats.forget_old(clock())
    assert texts(ada) == ["new"]
    assert postgres.count("web_chat_messages") == 1
    clock.forward(days=8)
    web_chats.forget_old(clock())
    assert postgres.count("web_chat_events") == postgres.count("web_chat_messages") == 0


def test_all_of_it_goes_with_the_account(ada: UUID, clock: Clock) -> None:
    message = post(ada, clock)
    claim(clock)
    users.delete_user(ada)
    web_chats.settle(message, clock())
    for table in ("web_chats", "web_chat_messages", "web_chat_events"):
        assert postgres.count(table) == 0
    with pytest.raises(NotFound):
        web_chats.say(ada, "default", [Event("reply", {})], clock())
    with pytest.raises(NotFound):
        web_chats.say(uuid4(), "default", [Event("reply", {})], clock())


def test_who_writes_is_logged_in_there(ada: UUID, clock: Clock) -> None:
    address = ("web", "default", str(ada))
    for _ in range(2):
        post(ada, clock)
        assert chat_links.find_users([address])[address]["id"] == ada
        chat_links.unlink(*address)


def test_agents_that_answer_everyone_can_be_talked_to(ada: UUID, clock: Clock) -> None:
    assert web_chats.open_agents() == ["default"]
    for name, answers in (
        ("open", {}),
        ("closed", {"direct_messages": "off"}),
        ("private", {"direct_messages": "listed", "users": [1]}),
    ):
        token = f"token-of-{name}"
        agents.add(name, token, {"type": "echo", "answers": answers})
    agents.add("asleep", "token-of-asleep", {"type": "echo", "enabled": False})
    assert web_chats.open_agents() == ["default", "open"]
    for name in ("closed", "private", "asleep", "nobody", "' OR 1=1 --"):
        with pytest.raises(NotFound):
            post(ada, clock, agent=name)
    message = post(ada, clock, agent="open")
    assert claim(clock) == []  # this process does not run it
    assert [one["id"] for one in claim(clock, "two", agents=("open",))] == [message]


def test_agent_that_is_called_default_takes_the_place_of_the_default_one(
    ada: UUID, clock: Clock
) -> None:
    agents.add("default", "token", {"type": "echo"})
    assert web_chats.open_agents() == ["default"]
    post(ada, clock)
    assert claim(clock) == []
    assert len(claim(clock, "two", agents=("default",))) == 1
