"""`manage.py deliveries`: dead letters are listed, shown and sent again, never read."""

from uuid import uuid4

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from cli.deliveries import list_, retry, show
from core.deliveries import dead_letters, queue
from core.deliveries.routing import SCHEDULER, bot_at
from core.postgres import insert, update
from tests.support.people import (
    DISCORD,
    NOW,
    channels,
    chat,
    deliveries,
    later,
    user,
    waiting,
)

pytestmark = pytest.mark.usefixtures("database")


app = Typer()
app.command("list")(list_)
app.command()(show)
app.command()(retry)


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
    letter = str(waiting(user(), "chat", state="dead"))
    everything = run("retry", "--all")
    assert everything.exit_code == 0
    assert "0 deliveries" in everything.output
    assert "1 stays dead" in everything.output
    refused = run("retry", letter)
    assert (refused.exit_code, "still without a way" in refused.output) == (2, True)


def test_what_had_no_way_to_its_user_is_sent_where_there_is_one_now() -> None:
    ada, ben, eve = user(), user(), user()
    letters = [str(waiting(owner, "chat", state="dead", attempts=6)) for owner in (ada, ben, eve)]
    home = chat(ada)
    channels(ben, topic="ben")
    assert "2 deliveries are" in run("retry", "--all").output
    (row,) = queue.claim([bot_at(DISCORD)], later(9e9))
    assert (str(row["id"]), row["target"], row["attempts"]) == (letters[0], "100", 0)
    assert deliveries(user_uuid=ada)[0]["chat_account_id"] == home
    (row,) = queue.claim([SCHEDULER], later(9e9))
    assert (str(row["id"]), row["channel"], row["target"]) == (letters[1], "ntfy", "ben")
    assert [row["state"] for row in deliveries(user_uuid=eve)] == ["dead"]


def test_what_had_no_way_waits_for_a_person_who_has_blocked_the_bot() -> None:
    ada = user()
    letter = str(waiting(ada, "chat", state="dead"))
    update("chat_accounts", {"blocked_at": NOW}, {"id": chat(ada)})
    assert "1 delivery" in run("retry", letter).output
    assert [row["state"] for row in deliveries()] == ["held"]


def test_what_a_removed_agent_was_to_send_is_sent_by_another_or_when_it_is_back() -> None:
    insert("agents", {"name": "other", "type": "commands", "answers": {}, "settings": {}})
    ada, ben = user(), user()
    for owner in (ada, ben):
        home = chat(owner, f"{owner}", address=("discord", "helper"))
        waiting(owner, "chat", chat_account_id=home, state="dead")
    chat(ada, address=("discord", "other"))
    assert "1 delivery is" in run("retry", "--all").output
    assert len(queue.claim(["discord/other"], later(9e9))) == 1
    insert("agents", {"name": "helper", "type": "commands", "answers": {}, "settings": {}})
    assert "1 delivery is" in run("retry", "--all").output
    (row,) = queue.claim(["discord/helper"], later(9e9))
    assert row["target"] == str(ben)


def test_more_letters_than_are_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "PORTION", 2)
    people = [user() for _ in range(7)]
    for number, owner in enumerate(people):
        waiting(owner, "chat", state="dead")
        if number % 2:
            channels(owner, topic=f"t{number}")
    assert "3 deliveries are" in run("retry", "--all").output
