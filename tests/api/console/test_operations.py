"""The service in the console: dead letters, jobs, users and costs, for administrators."""

from datetime import UTC, datetime, timedelta

import pytest

from core import postgres
from core.agents import activity
from core.users import find_user_by_name, set_role
from tests.support.api import Caller
from tests.support.console import Browser
from tests.support.waiting import Clock

pytestmark = pytest.mark.every_database

PAGE = "/service"
NOW = datetime.now(UTC)


def dead(user: Caller, why: str = "it answered 410") -> str:
    row = {
        "user_uuid": user.uuid,
        "channel": "ntfy",
        "state": "dead",
        "text": "call mum",
        "attempts": 5,
        "last_error": why,
        "due_at": NOW,
        "settled_at": NOW,
        "next_attempt_at": NOW,
    }
    return str(postgres.insert("deliveries", row)["id"])


def test_dead_letters_are_shown_and_sent_again(admin: Browser, ben: Caller) -> None:
    assert "No delivery is dead." in admin.open(PAGE)
    one, _ = dead(ben, "<script>alert(1)</script>"), dead(ben)
    page = admin.open(PAGE)
    assert "dead (2)" in page
    assert "<script>alert(1)" not in page
    assert "call mum" not in page
    assert "1 delivery is sent again." in admin.send(f"{PAGE}/resend", PAGE, id=one)
    assert postgres.select_one("deliveries", {"id": one})["state"] == "waiting"  # type: ignore[index]
    assert "1 delivery is sent again." in admin.send(f"{PAGE}/resend", PAGE)
    assert "Nothing could be sent again" in admin.send(f"{PAGE}/resend", PAGE)
    assert "waiting (2)" in admin.open(f"{PAGE}?state=waiting")
    assert "There is no state" not in admin.open(PAGE)
    assert admin.get(f"{PAGE}?state=nonsense").status_code == 400


def test_jobs_and_costs_are_shown(admin: Browser, ada: Caller, ben: Caller, clock: Clock) -> None:
    page = admin.open(PAGE)
    assert "No job has run yet." in page
    assert "No model was asked" in page
    postgres.insert("scheduler_jobs", {"name": "report.send", "due_at": NOW})
    for who, days, tokens in ((ada, 0, 1000), (ben, 0, 234), (ada, 1, 7), (ada, 400, 99)):
        spent = {"day": (clock() - timedelta(days=days)).date(), "agent": "helper", "requests": 1}
        more = {"prompt_tokens": tokens, "completion_tokens": 0, "cost": 0.25}
        postgres.insert("model_usage", {"user_uuid": who.uuid, **spent, **more})
    page = admin.open(PAGE)
    assert "report.send" in page
    assert "1,234" in page
    assert "$0.5000" in page
    assert ">99<" not in page


def test_roles_are_given_and_taken(admin: Browser, ada: Caller, ben: Caller) -> None:
    page = admin.open(f"{PAGE}/users")
    assert "ben" in page
    assert "Make an administrator: ben" in page
    assert "administrator: ada" not in page
    users = f"{PAGE}/users"
    page = admin.send(f"{users}/role", users, username="ben", role="admin")
    assert "ben is an administrator." in page
    assert find_user_by_name("ben")["role"] == "admin"  # type: ignore[index]
    admin.send("/undo", users)
    assert find_user_by_name("ben")["role"] == "user"  # type: ignore[index]
    assert "for another administrator" in admin.send(
        f"{users}/role", users, username="ada", role="user"
    )
    assert "no user called" in admin.send(f"{users}/role", users, username="eve", role="admin")
    assert find_user_by_name("ada")["role"] == "admin"  # type: ignore[index]


def test_many_users_come_in_pages(admin: Browser) -> None:
    for number in range(60):
        postgres.insert("users", _named(f"user{number:02}"))
    first = admin.open(f"{PAGE}/users")
    assert "user00" in first
    assert "user59" not in first
    assert "Next page" in first
    assert "user59" in admin.open(f"{PAGE}/users?cursor=user48")


def _named(name: str) -> dict[str, object]:
    return {"username": name, "name_key": name, "password_hashed": b"x"}


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/users"])
def test_nobody_else_sees_it(ada_in: Browser, path: str) -> None:
    assert 'href="/service"' not in ada_in.open("/")
    assert ada_in.get(path).status_code == 403


@pytest.mark.parametrize("path", ["resend", "users/role"])
def test_nobody_else_changes_it(ada_in: Browser, ben: Caller, path: str) -> None:
    one = dead(ben)
    fields = {"id": one, "username": "ada", "role": "admin"}
    assert ada_in.post(f"{PAGE}/{path}", "/account", **fields).status_code == 403
    assert postgres.select_one("deliveries", {"id": one})["state"] == "dead"  # type: ignore[index]
    assert find_user_by_name("ada")["role"] == "user"  # type: ignore[index]


def test_the_api_says_the_same(ada: Caller, ben: Caller) -> None:
    paths = (
        *("deliveries", "unsent", "users", "jobs", "costs", "costs/totals"),
        *("agents", "log", "checks"),
    )
    assert {ada.get(f"/api/operations/{path}").status_code for path in paths} == {403}
    set_role("ada", "admin")
    assert {ada.get(f"/api/operations/{path}").status_code for path in paths} == {200}
    assert ada.put("/api/operations/users/ben/role", {"role": "king"}).status_code == 400
    assert ada.post("/api/operations/resend", {"ids": ["x"]}).status_code == 400
    assert ada.get("/api/operations/costs?days=0").status_code == 400


def test_checks_and_lines_of_the_log_are_shown(admin: Browser) -> None:
    page = admin.open(PAGE)
    assert "is up to date" in page
    assert "no job has a next time yet" in page
    assert "No warning and no error was noted." in page
    at = datetime.now(UTC)
    postgres.insert("scheduler_jobs", {"name": "late.job", "due_at": at, "next_at": at})
    line = activity.Line("helper", at, "ERROR", "<script>alert(1)</script>")
    activity.note([line], {}, at)
    page = admin.open(PAGE)
    assert "late.job: due, and not begun" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page


def test_the_bot_alone_reports_what_agents_do(
    admin: Browser, ada: Caller, bot: Caller, clock: Clock
) -> None:
    at = clock().isoformat()
    line = {"agent": "helper", "at": at, "level": "ERROR", "message": "it failed"}
    model = {"model": "m", "requests": 1, "prompt_tokens": 5, "completion_tokens": 6, "cost": 0.5}
    told = {"lines": [line], "answered": {"helper": 3}, "models": [model]}
    path = "/api/service/agents/report"
    assert ada.post(path, told).status_code == 401
    assert bot.post(path, told).status_code == 200
    assert bot.post(path, {"lines": [line | {"level": "FINE"}]}).status_code == 400
    assert bot.post(path, {"lines": [line | {"message": "a\0b"}]}).status_code == 400
    page = admin.open(PAGE)
    assert "it failed" in page
    by = {"by": "model", "days": 7}
    totals = ada.get("/api/operations/costs/totals", **by).json
    assert totals == [{"name": "m", "requests": 1, "tokens": 11, "cost": 0.5}]
