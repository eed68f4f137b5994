"""All that is stored of a user, on every database."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from core.agents import memory
from core.agents.memory import Turn
from core.agents.tables import ChatAddress
from core.db.engine import Database
from core.postgres import insert, select
from core.transfer import own_data
from core.users import find_user_by_name, register_user

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def people(database: Database) -> dict[str, dict[str, object]]:
    found = {}
    for name in ("ada", "ben"):
        assert register_user(name, "a good password")
        user = find_user_by_name(name)
        assert user is not None
        found[name] = user
        address = {"platform": "web", "agent": "helper", "account_id": name}
        insert("chat_accounts", address | {"user_uuid": user["id"]})
        for number in range(3):
            insert(
                "errands", {"id": str(uuid4()), "user_uuid": user["id"], "name": f"{name} {number}"}
            )
            phrase = {"user_uuid": user["id"], "phrase": f"{name} {number}", "orders": "[]"}
            insert("phrases", phrase)
        memory.append(ChatAddress("web", "helper", name), [Turn("user", f"{name} said")], NOW)
        chat = insert("web_chats", {"user_uuid": user["id"], "agent": "helper"})
        event = {"id": uuid4(), "chat_id": chat["id"], "number": 1, "kind": "reply"}
        insert("web_chat_events", event | {"data": f'"to {name}"', "created_at": NOW})
    return found


def test_it_is_all_of_one_user_and_nothing_of_another(
    people: dict[str, dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_data, "AT_ONCE", 2)
    rows: dict[str, list[dict[str, object]]] = {}
    for table, some in own_data.rows_of(people["ada"]["id"]):
        rows.setdefault(table, []).extend(some)

    assert sorted(str(row["phrase"]) for row in rows["phrases"]) == ["ada 0", "ada 1", "ada 2"]
    assert len(rows["errands"]) == 3  # a table that the program does not know
    assert rows["users"][0]["username"] == "ada"
    assert rows["agent_turns"][0]["content"] == "ada said"
    assert rows["web_chat_events"][0]["data"] == '"to ada"'
    text = json.dumps(rows)
    assert "ben" not in text
    assert "password_hashed" not in text


def test_what_is_remembered_is_told_and_forgotten_for_one_user(
    people: dict[str, dict[str, object]],
) -> None:
    ada, ben = people["ada"]["id"], people["ben"]["id"]
    known = {"agent": "helper", "turns": 1, "summaries": 0, "latest": NOW}
    assert memory.known_of(ada) == [known]
    for name in people:
        memory.choose_model(ChatAddress("web", "helper", name), "small")

    assert memory.forget_user(ada, "helper", NOW) == (1, 0)
    assert memory.forget_user(ada, "another", NOW) == (0, 0)

    assert [str(row["user_uuid"]) for row in select("agent_models")] == [str(ben)]
    assert memory.known_of(ada) == []
    assert memory.known_of(ben) == [known]
    place = ChatAddress("web", "helper", "ada")
    assert memory.append(place, [Turn("user", "late")], NOW, times_forgotten=0) == []
