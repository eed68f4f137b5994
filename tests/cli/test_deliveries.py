"""`manage.py deliveries`: dead letters are listed, shown and sent again, never read."""

from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from cli.deliveries import app
from tests.support.people import deliveries, later, user, waiting

pytestmark = pytest.mark.usefixtures("database")


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def dead(**columns: object) -> str:
    row = {"state": "dead", "settled_at": later(9), "attempts": 6, "last_error": "answered 404"}
    return str(waiting(user(), "ntfy", **{**row, **columns}))


def test_dead_letters_are_listed_without_their_text() -> None:
    assert "No delivery is dead." in run("list").output
    letter = dead()
    waiting(user())
    listed = run("list")
    assert listed.exit_code == 0
    assert letter in listed.output
    assert "answered 404" in listed.output
    assert "tea" not in listed.output
    assert letter not in run("list", "--state", "waiting").output
    assert "There is no state 'lost'" in run("list", "--state", "lost").output


def test_one_is_shown() -> None:
    letter = dead(request_id="message-1")
    shown = run("show", letter).output
    assert "state: dead" in shown
    assert "request_id: message-1" in shown
    assert "tea" not in shown
    assert run("show", str(uuid4())).exit_code == 2
    assert "no delivery's id" in run("show", "nonsense").output


def test_dead_letters_are_sent_again() -> None:
    first, second = dead(), dead()
    assert "1 delivery is to be sent again" in run("retry", first).output
    (row,) = deliveries(state="waiting")
    assert (str(row["id"]), row["attempts"], row["settled_at"]) == (first, 0, None)
    refused = run("retry", first)
    assert (refused.exit_code, "not dead" in refused.output) == (2, True)
    assert "1 delivery is" in run("retry", "--all").output
    assert {str(row["id"]) for row in deliveries(state="waiting")} == {first, second}
    assert run("retry").exit_code == 2


def test_what_had_no_way_to_its_user_stays() -> None:
    waiting(user(), "chat", state="dead")
    assert "0 deliveries" in run("retry", "--all").output
