"""Agents on trial, as rows: two requests at once."""

from concurrent.futures import ThreadPoolExecutor

from core import postgres
from core.db.engine import Database
from core.users import set_role
from core.web_chats import trials
from runtime.clock import utc_now
from tests.support.people import user


def test_a_button_that_is_pressed_twice_begins_one(database: Database) -> None:
    ada = user("ada")
    set_role("ada", "admin")

    def begun(number: int) -> str:
        settings = {"prefix": str(number)}
        return trials.begin(ada, {"type": "echo", "settings": settings}, utc_now())

    with ThreadPoolExecutor(8) as pool:
        assert {*pool.map(begun, range(8))} == {trials.name_of(ada)}
    assert postgres.count("agent_trials") == 1
