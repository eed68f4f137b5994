"""What agents remember of whom, and for how long."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core import agents
from core.accounts import chat_links
from core.agents import memory
from core.agents.memory import Summary, Turn
from core.agents.tables import ChatAddress
from core.postgres import count, delete, insert

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
HERE = ChatAddress("discord", "greeter", "1234")

pytestmark = pytest.mark.usefixtures("database")


def say(place: ChatAddress, *contents: str, now: datetime = NOW) -> list[int]:
    return memory.append(place, [Turn("user", content) for content in contents], now)


def known(place: ChatAddress, now: datetime = NOW, **limits: int | bool) -> list[str]:
    return [turn["content"] for turn in memory.read(place, now, **limits).turns]


def account(name: str) -> UUID:
    row = insert("users", {"username": name, "password_hashed": b"x"})
    assert isinstance(row["id"], UUID)
    return row["id"]


def test_the_latest_turns_come_oldest_first_within_both_limits() -> None:
    ids = say(HERE, "one", "two", "three")
    turns = memory.read(HERE, NOW).turns
    assert [(turn["id"], turn["role"], turn["content"], turn["at"]) for turn in turns] == [
        (ids[0], "user", "one", NOW),
        (ids[1], "user", "two", NOW),
        (ids[2], "user", "three", NOW),
    ]
    assert known(HERE, limit=2) == ["two", "three"]
    assert known(HERE, limit=0) == []
    assert known(HERE, characters=8) == ["two", "three"]
    assert known(HERE, characters=4) == []


def test_agents_and_people_never_mix() -> None:
    others = [HERE._replace(agent="b"), HERE._replace(account_id="9"), HERE._replace(platform="x")]
    say(HERE, "mine")
    for other in others:
        assert known(other) == []
        say(other, "theirs")
    assert memory.forget(HERE, NOW) == (1, 0)
    assert known(HERE) == []
    assert all(known(other) == ["theirs"] for other in others)


def test_a_summary_takes_the_place_of_what_it_sums_up() -> None:
    _, second, _ = say(HERE, "one", "two", "three")
    memory.append(HERE, [], NOW, Summary("one and two", second))
    memory.append(HERE, [Turn("assistant", "four")], NOW)
    assert memory.read(HERE, NOW).summary == "one and two"
    assert known(HERE) == ["three", "four"]
    memory.append(HERE, [], NOW, Summary("all of it", second + 100))
    assert memory.read(HERE, NOW)[:2] == ("all of it", [])
    assert memory.forget(HERE, NOW) == (0, 1)
    assert memory.read(HERE, NOW)[:2] == (None, [])


def test_a_users_rows_go_with_the_user() -> None:
    say(HERE, "before the log-in")
    ada = account("ada")
    chat_links.link(ada, "discord", "greeter", "1234")
    say(HERE, "after it")
    say(HERE._replace(agent="another"), "where nobody logged in")
    memory.append(HERE, [], NOW, Summary("before", 0))
    assert known(HERE) == ["before the log-in", "after it"]
    delete("users", {"id": ada})
    assert count("agent_turns") == count("agent_summaries") == 0


def test_who_logs_in_next_sees_nothing_of_the_one_before() -> None:
    ada, ben = account("ada"), account("ben")
    chat_links.link(ada, "discord", "greeter", "1234")
    say(HERE, "ada's")
    chat_links.unlink("discord", "greeter", "1234")
    assert known(HERE) == [], "who is logged out is not shown what was said before"
    chat_links.link(ben, "discord", "greeter", "1234")
    assert known(HERE) == []
    say(HERE, "ben's")
    assert memory.forget(HERE, NOW) == (1, 0)
    chat_links.link(ada, "discord", "greeter", "1234")
    assert known(HERE) == ["ada's"]


def test_what_is_too_old_is_forgotten() -> None:
    agents.add("greeter", "a-token", {"type": "echo", "memory_days": 7})
    say(HERE, "old", now=NOW - timedelta(days=8))
    say(HERE._replace(agent="other"), "old", now=NOW - timedelta(days=8))
    say(HERE, "new")
    assert known(HERE) == ["new"]
    assert known(HERE._replace(agent="other")) == ["old"]
    assert known(HERE, NOW + timedelta(days=8)) == []
    memory.forget_old(NOW + timedelta(days=8))
    assert count("agent_turns") == 1
    memory.forget_old(NOW + timedelta(days=91))
    assert count("agent_turns") == 0


def test_an_agents_memory_goes_with_the_agent() -> None:
    agents.add("greeter", "a-token", {"type": "echo"})
    say(HERE, "one")
    memory.append(HERE, [], NOW, Summary("nothing", 0))
    agents.remove("greeter")
    assert count("agent_turns") == count("agent_summaries") == 0


def test_each_gets_the_ids_of_their_own_turns() -> None:
    def append(number: int) -> list[int]:
        return say(HERE, f"{number} one", f"{number} two")

    with ThreadPoolExecutor(8) as pool:
        ids = [*pool.map(append, range(24))]
    said = {turn["id"]: turn["content"] for turn in memory.read(HERE, NOW).turns}
    assert [[said[one] for one in pair] for pair in ids] == [
        [f"{number} one", f"{number} two"] for number in range(24)
    ]


def test_what_was_said_in_direct_messages_is_told_apart() -> None:
    memory.append(HERE, [Turn("user", "in private")], NOW, direct=True)
    memory.append(HERE, [Turn("user", "in public")], NOW, direct=False)
    memory.append(HERE, [], NOW, Summary("private", 0), direct=True)
    memory.append(HERE, [], NOW, Summary("public", 0), direct=False)
    assert known(HERE) == ["in private", "in public"]
    assert known(HERE, direct=False) == ["in public"]
    assert memory.read(HERE, NOW).summary == "public\n\nprivate"
    assert memory.read(HERE, NOW, direct=False).summary == "public"
    memory.append(HERE, [], NOW, Summary("all of the public", 10**9), direct=False)
    assert known(HERE) == ["in private"], "one summary takes nothing of the other's"


def test_nothing_from_before_is_added_to_who_was_forgotten() -> None:
    before = memory.read(HERE, NOW).times_forgotten
    memory.forget(HERE, NOW)
    turns = [Turn("user", "from before")]
    assert memory.append(HERE, turns, NOW, times_forgotten=before) == []
    assert known(HERE) == []
    after = memory.read(HERE, NOW).times_forgotten
    assert len(memory.append(HERE, turns, NOW, times_forgotten=after)) == 1
    memory.forget_old(NOW + timedelta(days=2))
    assert count("agent_forgets") == 0


def test_who_has_logged_out_is_forgotten_too() -> None:
    chat_links.link(account("ada"), "discord", "greeter", "1234")
    say(HERE, "ada's")
    chat_links.unlink("discord", "greeter", "1234")
    assert memory.forget(HERE, NOW) == (1, 0)
