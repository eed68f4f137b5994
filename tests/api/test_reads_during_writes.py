"""On SQLite, one process writes at a time; whoever only reads waits for none."""

import sqlite3
import time
from contextlib import closing

from apiflask import APIFlask
from sqlalchemy import URL

from core.users import set_role
from tests.support.api import Caller
from tests.support.databases import on_sqlite


@on_sqlite
def test_nothing_that_is_read_waits_for_a_writer(
    app: APIFlask, ada: Caller, bot: Caller, database_url: URL
) -> None:
    set_role("ada", "admin")
    ada.post("/api/errands", {"name": "x", "due_at": "2030-01-01T13:00:00Z"})
    paths = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api")
        and "GET" in rule.methods
        and not rule.arguments
        and not rule.rule.startswith("/api/service")  # the bot's alone
    ]
    assert len(paths) >= 4
    with closing(sqlite3.connect(str(database_url.database))) as writer:
        writer.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        answers = {path: ada.get(path).status_code for path in paths}
        answers["/ready"] = ada.get("/ready").status_code
        assert set(answers.values()) == {200}, answers
        assert time.monotonic() - started < 4, "the first wait for the lock would take 5 s"
