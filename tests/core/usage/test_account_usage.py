"""What language models cost for people who are not logged in, counted on every database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from core.postgres import insert, select
from core.usage import Account, Limits, Reached, Spent, forget_old, settle

NOW = datetime(2030, 3, 4, 23, 59, tzinfo=UTC)
AGENT = "test-bot"
ADA, BEN = Account("discord", "1"), Account("discord", "2")

pytestmark = pytest.mark.usefixtures("database")


def ask(
    *wanted: Account, agent: str = AGENT, now: datetime = NOW, **limits: int
) -> list[Reached | None]:
    """Return what the people are told who want to ask a model."""
    return settle(agent, [], wanted, Limits(**limits), now)


def test_requests_are_counted_until_the_limit() -> None:
    assert [ask(ADA, requests_per_user=2) for _ in range(3)] == [[None], [None], ["requests"]]
    assert ask(BEN, ADA, requests_per_user=2) == [None, "requests"]
    assert ask(ADA, requests_per_user=2, now=NOW + timedelta(minutes=1)) == [None]


def test_they_count_over_all_agents_and_by_platform() -> None:
    assert ask(ADA, requests_per_user=1) == [None]
    assert ask(ADA, agent="other-bot", requests_per_user=1) == ["requests"]
    assert ask(Account("console", "1"), requests_per_user=1) == [None]


def test_tokens_are_added_up() -> None:
    settle(AGENT, [Spent(ADA, 70, 20, 0.5), Spent(ADA, 5, 5)], [], Limits(), NOW)
    assert ask(ADA, BEN, tokens_per_user=100) == ["tokens", None]
    assert ask(ADA, tokens_per_user=101) == [None]
    (row,) = select("account_usage", {"account_id": "1"})
    assert (row["prompt_tokens"], row["completion_tokens"], row["cost"]) == (75, 25, 0.5)


def test_an_agents_tokens_are_those_of_users_and_strangers() -> None:
    user = insert("users", {"username": "ada", "password_hashed": b"x"})["id"]
    settle(AGENT, [Spent(user, 60)], [], Limits(), NOW)
    settle(AGENT, [Spent(ADA, 40)], [], Limits(), NOW)
    limits = Limits(tokens_per_agent=100)
    assert settle(AGENT, [], [BEN], limits, NOW) == ["agent"]
    assert settle(AGENT, [], [user], limits, NOW) == ["agent"]
    assert settle("other-bot", [], [BEN], limits, NOW) == [None]


@pytest.mark.parametrize(
    ("own", "of_all", "bound"), [(0, 0, 0), (5, 0, 5), (0, 7, 7), (5, 7, 5), (7, 5, 5)]
)
def test_the_lower_limit_of_an_agent_holds(own: int, of_all: int, bound: int) -> None:
    assert Limits(tokens_per_agent=of_all).bounded(own).tokens_per_agent == bound


def test_old_rows_go() -> None:
    ask(ADA)
    ask(BEN, now=NOW + timedelta(days=30))
    forget_old(NOW + timedelta(days=40))
    assert [row["account_id"] for row in select("account_usage")] == ["2"]


def test_many_at_once_get_no_more_than_the_limit() -> None:
    with ThreadPoolExecutor(8) as pool:
        told = [*pool.map(lambda _: ask(ADA, requests_per_user=10), range(30))]
    assert told.count([None]) == 10


def test_batches_of_the_same_people_never_wait_for_each_other_in_a_circle() -> None:
    crowd = [Account("discord", str(number)) for number in range(12)]

    def count(batch: int) -> list[Reached | None]:
        people = crowd[batch % 5 : batch % 5 + 8][:: 1 if batch % 2 else -1]
        spent = [Spent(person, 1) for person in people]
        return settle(AGENT, spent, people, Limits(), NOW + timedelta(days=batch // 8))

    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(count, range(160))] == [[None] * 8] * 160
    rows = select("account_usage")
    assert sum(row["requests"] for row in rows) == sum(row["prompt_tokens"] for row in rows) == 1280
