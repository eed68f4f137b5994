"""Documents of agents: found by their words, each agent's its own, on every database."""

import time

import pytest

from core import agents
from core.agents import knowledge
from core.agents.knowledge import MAX_CHARS, MAX_DOCUMENTS, Passage
from core.db.engine import Database
from core.errors import InvalidInput, NotFound
from core.postgres import count


@pytest.fixture(autouse=True)
def sage(database: Database) -> None:
    for name in ("sage", "other"):
        agents.add(name, f"token.of.{name}", {"type": "llm", "settings": {"model": "m"}})


def put(name: str, *contents: str, agent: str = "sage", place: str = "") -> None:
    knowledge.put(agent, name, [Passage(place, content) for content in contents])


def found(text: str, agent: str = "sage", limit: int = 5) -> list[str]:
    return [row["content"] for row in knowledge.search(agent, text, limit)]


def test_what_fits_best_comes_first_with_its_source() -> None:
    put("staff.md", "Everyone has thirty days of holiday.", "Tea is free.", place="Holidays")
    put("café.txt", "The café opens at nine; on holidays it is closed. The café has tea.")
    (first, *_) = knowledge.search("sage", "When does the cafe open?", 5)
    assert first["source"] == "café.txt"
    assert first["content"].startswith("The café opens")
    (best, *_) = knowledge.search("sage", "how many holiday days?", 5)
    assert (best["source"], best["place"]) == ("staff.md", "Holidays")
    assert len(found("tea", limit=1)) == 1
    assert found("zebra") == []


def test_a_change_is_seen_at_once() -> None:
    put("a.md", "The colour is red.")
    assert found("colour") == ["The colour is red."]
    put("a.md", "The colour is blue.")
    assert found("colour") == ["The colour is blue."]
    knowledge.remove("sage", "a.md")
    assert found("colour") == []
    with pytest.raises(NotFound):
        knowledge.remove("sage", "a.md")


def test_each_agent_has_its_own_and_takes_it_along() -> None:
    put("a.md", "The code is 42.")
    assert found("code", agent="other") == found("code", agent="nobody") == []
    with pytest.raises(NotFound):
        put("a.md", "x", agent="nobody")
    agents.remove("sage")
    assert count("agent_documents") == count("agent_passages") == 0
    assert found("code") == []


@pytest.mark.parametrize(
    "text",
    ['"', "NEAR(a b)", "a AND", "content:a*", "'; DROP TABLE passages; --", "^", "", "   ", "({["],
)
def test_no_words_are_a_language_of_the_search(text: str) -> None:
    put("a.md", "content a near drop table passages")
    found(text)
    assert found("passages") == ["content a near drop table passages"]


def test_what_cannot_be_kept_is_left_out_and_long_queries_end() -> None:
    put("a.md", "one\0two \ud800 three", place="x" * 500)
    (row,) = knowledge.search("sage", "three", 5)
    assert row["content"] == "onetwo ? three"
    assert len(row["place"]) == 200
    began = time.monotonic()
    found("word " * 100_000 + "x" * 1_000_000)
    assert time.monotonic() - began < 20


def test_there_is_a_most_of_everything() -> None:
    with pytest.raises(InvalidInput, match="no text"):
        put("empty.md", " \n")
    with pytest.raises(InvalidInput, match="room for"):
        put("long.md", *["x" * 1000] * (MAX_CHARS // 1000 + 1))
    for number in range(MAX_DOCUMENTS):
        put(f"{number}.md", "short")
    with pytest.raises(InvalidInput, match="remove one first"):
        put("more.md", "short")
    put("7.md", "replaced")
    assert found("replaced") == ["replaced"]
    assert len(knowledge.list_all("sage")) == MAX_DOCUMENTS
