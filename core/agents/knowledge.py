"""What agents look up: documents as passages in rows, found by SQLite's full-text search.

The rows are in whichever database the program uses. Each process keeps a search index in memory of
the agents whose documents were asked for, made by SQLite's FTS5, and makes it again when they have
changed: so every database finds the same, and a backup of the rows is all of it.
"""

import re
import sqlite3
from collections.abc import Sequence
from threading import Lock
from typing import Any, NamedTuple

import sqlalchemy as sa
from cachetools import LRUCache

from core.agents.tables import agent_documents, agent_passages, agents
from core.db.compiled import Row
from core.db.engine import transaction
from core.errors import InvalidInput, NotFound

MAX_DOCUMENTS = 200  # of one agent
MAX_CHARS = 2_000_000  # of one agent's documents in all: about a thousand pages
MAX_PASSAGE = 1200  # characters
MAX_NAME = 200
MAX_INDEXES = 10  # that a process keeps in memory, of up to 10 MB each
MAX_WORDS = 20  # of a query
WORD = re.compile(r"\w{1,64}")


class Passage(NamedTuple):
    """A part of a document; `place` is its heading or its page."""

    place: str
    content: str


def put(agent: str, name: str, passages: Sequence[Passage]) -> None:
    """Keep a document of an agent's; one of the same name is replaced.

    Raises NotFound without the agent, InvalidInput where that is nothing, or too much.
    """
    kept = [one for one in map(_clean, passages) if one.content.strip()]
    if not kept:
        raise InvalidInput(f"{name} has no text in it.")
    if len(name) > MAX_NAME:
        raise InvalidInput(f"The name of a document has up to {MAX_NAME} characters.")
    size = sum(len(one.content) for one in kept)
    with transaction() as connection:
        agent_id = _agent(connection, agent)
        columns = agent_documents.c
        theirs = columns.agent_id == agent_id
        connection.execute(sa.delete(agent_documents).where(theirs, columns.name == name))
        query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(columns.characters), 0))
        number, characters = connection.execute(query.where(theirs)).one()
        if number >= MAX_DOCUMENTS:
            raise InvalidInput(f"{agent} has {MAX_DOCUMENTS} documents: remove one first.")
        if characters + size > MAX_CHARS:
            raise InvalidInput(
                f"{name} has {size:,} characters; {agent} has room for "
                f"{MAX_CHARS - int(characters):,} of {MAX_CHARS:,}."
            )
        row = {"agent_id": agent_id, "name": name, "characters": size}
        made = connection.execute(sa.insert(agent_documents).values(row)).inserted_primary_key
        assert made is not None  # noqa: S101 - for mypy
        rows = [
            {"document_id": made[0], "number": number, **passage._asdict()}
            for number, passage in enumerate(kept)
        ]
        connection.execute(sa.insert(agent_passages), rows)


def list_all(agent: str) -> list[Row]:
    """Return an agent's documents by name: `name`, `characters`, `added_at`. Raises NotFound."""
    columns = agent_documents.c
    with transaction(read_only=True) as connection:
        query = (
            sa.select(columns.name, columns.characters, columns.added_at)
            .where(columns.agent_id == _agent(connection, agent))
            .order_by(columns.name)
        )
        return [dict(row) for row in connection.execute(query).mappings()]


def remove(agent: str, name: str) -> None:
    """Delete a document. Raises NotFound."""
    with transaction() as connection:
        theirs = agent_documents.c.agent_id == _agent(connection, agent)
        gone = sa.delete(agent_documents).where(theirs, agent_documents.c.name == name)
        if not connection.execute(gone).rowcount:
            raise NotFound(f"{agent} has no document called {name}.")


def search(agent: str, text: str, limit: int) -> list[Row]:
    """Return the passages that fit a text best: `source`, `place`, `content`."""
    words = dict.fromkeys(word.casefold() for word in WORD.findall(text[:2000]))
    if not words:
        return []
    with transaction(read_only=True) as connection:
        state = _state(connection, agent)
        index = _kept(agent, state) or _keep(agent, state, _Index(_rows(connection, agent)))
    return index.search([*words][:MAX_WORDS], limit)


class _Index:
    """Passages, and which words they have. Thread-safe."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._lock = Lock()
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute(
            "CREATE VIRTUAL TABLE passages USING fts5(source, place, content, "
            "tokenize='porter unicode61 remove_diacritics 2')"
        )
        told = "INSERT INTO passages VALUES (?, ?, ?)"
        self._db.executemany(told, [tuple(row) for row in rows])

    def __del__(self) -> None:
        self._db.close()

    def search(self, words: Sequence[str], limit: int) -> list[Row]:
        """Return the best of those that have any of the words; rare words weigh more."""
        wanted = " OR ".join(f'"{word}"' for word in words)
        query = (
            "SELECT source, place, content FROM passages WHERE passages MATCH ? "
            "ORDER BY bm25(passages, 2.0, 2.0, 1.0), rowid LIMIT ?"
        )
        with self._lock:
            return [dict(row) for row in self._db.execute(query, (wanted, limit))]


_indexes: LRUCache[str, tuple[Any, _Index]] = LRUCache(MAX_INDEXES)
_lock = Lock()


def _kept(agent: str, state: Any) -> _Index | None:  # noqa: ANN401 - compared only
    with _lock:
        known = _indexes.get(agent)
    return known[1] if known and known[0] == state else None


def _keep(agent: str, state: Any, index: _Index) -> _Index:  # noqa: ANN401 - compared only
    with _lock:
        _indexes[agent] = state, index
    return index


def _clean(passage: Passage) -> Passage:
    """Return what every database can keep: no NUL, no half of a character."""
    place, content = (
        text.replace("\0", "").encode("utf-8", "replace").decode() for text in passage
    )
    return Passage(place[:MAX_NAME], content)


def _agent(connection: sa.Connection, name: str) -> Any:  # noqa: ANN401 - an id
    found = connection.execute(sa.select(agents.c.id).where(agents.c.name == name)).scalar()
    if found is None:
        raise NotFound(f"There is no agent called {name}.")
    return found


def _state(connection: sa.Connection, agent: str) -> tuple[Any, ...]:
    """Return what is another one after every change of an agent's documents."""
    columns = agent_documents.c
    query = (
        sa.select(columns.id)
        .join(agents, agents.c.id == columns.agent_id)
        .where(agents.c.name == agent)
        .order_by(columns.id)
    )
    return tuple(connection.execute(query).scalars())


def _rows(connection: sa.Connection, agent: str) -> Sequence[Any]:
    columns = agent_passages.c
    query = (
        sa.select(agent_documents.c.name, columns.place, columns.content)
        .join(agent_documents, agent_documents.c.id == columns.document_id)
        .join(agents, agents.c.id == agent_documents.c.agent_id)
        .where(agents.c.name == agent)
        .order_by(columns.document_id, columns.number)
    )
    return connection.execute(query).all()
