"""What language models cost, counted on every database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event

from core.db.engine import Database
from core.postgres import insert
from core.usage import Account, Limits, Reached, Spent, next_day, settle, used_on
from core.users import delete_user
from tests.support.databases import on_postgresql

NOW = datetime(2030, 3, 4, 23, 59, tzinfo=UTC)
AGENT = "test-bot"

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def user() -> UUID:
    """Someone with an account."""
    return account("ada")


def account(name: str) -> UUID:
    """Return a new user."""
    row = insert("users", {"username": name, "password_hashed": b"x"})
    assert isinstance(row["id"], UUID)
    return row["id"]


def ask(
    *wanted: UUID, agent: str = AGENT, now: datetime = NOW, **limits: int
) -> list[Reached | None]:
    """Return what the users are told who want to ask a model."""
    return settle(agent, [], wanted, Limits(**limits), now)


def test_requests_are_counted_until_the_limit(user: UUID) -> None:
    assert [ask(user, requests_per_user=2) for _ in range(3)] == [[None], [None], ["requests"]]
    assert used_on(user, NOW)["requests"] == 2


def test_a_user_who_is_there_twice_counts_twice(user: UUID) -> None:
    assert ask(user, user, user, requests_per_user=2) == [None, None, "requests"]
    assert used_on(user, NOW)["requests"] == 2


def test_requests_count_over_all_agents(user: UUID) -> None:
    assert ask(user, requests_per_user=1) == [None]
    assert ask(user, agent="other-bot", requests_per_user=1) == ["requests"]


def test_tokens_are_added_up(user: UUID) -> None:
    spent = [Spent(user, 70, 20, 0.5), Spent(user, 5, 5, 0.25)]
    assert settle(AGENT, spent, [], Limits(), NOW) == []
    assert used_on(user, NOW) == {
        "requests": 0,
        "prompt_tokens": 75,
        "completion_tokens": 25,
        "cost": 0.75,
    }
    assert ask(user, tokens_per_user=101) == [None]
    assert ask(user, tokens_per_user=100) == ["tokens"]


def test_an_agents_tokens_are_those_of_all_users(user: UUID) -> None:
    other = account("ben")
    settle(AGENT, [Spent(other, 100)], [], Limits(), NOW)
    assert ask(user, tokens_per_agent=100) == ["agent"]
    assert ask(user, agent="other-bot", tokens_per_agent=100) == [None]


def test_a_new_day_starts_anew(user: UUID) -> None:
    assert ask(user, requests_per_user=1) == [None]
    assert next_day(NOW) == NOW + timedelta(minutes=1)
    assert ask(user, now=next_day(NOW), requests_per_user=1) == [None]


def test_who_is_gone_is_passed_over(user: UUID) -> None:
    gone = uuid4()
    assert settle(AGENT, [Spent(gone, 1)], [gone, user], Limits(), NOW) == [None, None]
    assert used_on(user, NOW)["requests"] == 1


def test_many_at_once_get_no_more_than_the_limit(user: UUID) -> None:
    with ThreadPoolExecutor(8) as pool:
        told = [*pool.map(lambda _: ask(user, requests_per_user=10), range(30))]
    assert told.count([None]) == 10
    assert used_on(user, NOW)["requests"] == 10


def logs_in(user: UUID, account_id: str, agent: str = AGENT) -> None:
    """Note that a user has written from a chat account."""
    insert(
        "chat_accounts",
        {"user_uuid": user, "platform": "discord", "agent": agent, "account_id": account_id},
    )


def test_a_deleted_user_who_registers_again_has_spent_what_they_had(user: UUID) -> None:
    logs_in(user, "1")
    settle(AGENT, [Spent(user, 90, 10, 0.5)], [user], Limits(), NOW)
    settle(AGENT, [Spent(user, 70)], [user], Limits(), NOW - timedelta(days=1))
    assert delete_user(user, now=NOW)
    again = account("ada")
    assert ask(again, tokens_per_user=100, tokens_per_agent=101) == [None]
    assert ask(again, tokens_per_agent=100) == ["agent"]
    logs_in(again, "1")
    assert ask(again, tokens_per_user=100) == ["tokens"]
    assert used_on(again, NOW)["cost"] == 0.5
    assert settle(AGENT, [], [Account("discord", "1")], Limits(tokens_per_user=100), NOW) == [
        "tokens"
    ]


def test_another_user_of_the_same_chat_account_shares_its_budget(user: UUID) -> None:
    other, stranger = account("ben"), account("cleo")
    for one in (user, other):
        logs_in(one, "1")
    logs_in(stranger, "2")
    settle(AGENT, [Spent(user, 100)], [], Limits(), NOW)
    assert ask(other, stranger, tokens_per_user=100) == ["tokens", None]


def test_what_was_spent_before_the_log_in_counts(user: UUID) -> None:
    here = Account("discord", "1")
    settle(AGENT, [Spent(here, 100)], [], Limits(), NOW)
    logs_in(user, "1")
    logs_in(user, "1", "other-bot")  # counted once
    assert ask(user, tokens_per_user=100) == ["tokens"]
    assert ask(user, tokens_per_user=101) == [None]


def test_an_answer_that_comes_after_the_deletion_counts_for_the_agent(user: UUID) -> None:
    settle(AGENT, [Spent(uuid4(), 60, cost=1), Spent(uuid4(), 40)], [], Limits(), NOW)
    assert ask(user, tokens_per_agent=100) == ["agent"]


@on_postgresql
def test_many_people_cost_as_many_statements_as_a_few(database: Database) -> None:
    people = [account(f"user{n}") for n in range(40)]
    said: list[str] = []
    event.listen(
        database.engine, "before_cursor_execute", lambda _c, _cursor, sql, *_rest: said.append(sql)
    )
    numbers = []
    for some in (people[:2], people):
        said.clear()
        spent = [Spent(person, 10, 2, 0.5) for person in some]
        assert settle(AGENT, spent, some, Limits(), NOW) == [None] * len(some)
        numbers.append(len(said))
    assert numbers[0] == numbers[1]
    assert [used_on(person, NOW)["prompt_tokens"] for person in people] == [20, 20, *[10] * 38]
    assert [used_on(person, NOW)["requests"] for person in people] == [2, 2, *[1] * 38]
