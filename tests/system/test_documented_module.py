"""A user's own domain as the documentation shows it, from the chat to the row and back.

The files in tests/documented are put in place in a copy of the project as they are.
"""

import os
from pathlib import Path

import pytest
from sqlalchemy import URL

from core import postgres
from core.db.engine import Database
from tests.support import warm
from tests.support.model_server import ModelServer, model_server
from tests.support.project import copied

__all__ = ["model_server"]

DOCUMENTED = Path(__file__).parents[1] / "documented"
SESSION = "register\nada\ncorrect horse battery staple\n{}"
SENTENCES = """
from ai.commands import CommandSpec, FieldSpec, catalogue

catalogue.add(
    CommandSpec("habit", "add", "Add.", (FieldSpec("habit_name"),), ("add a habit {habit_name}",)),
    CommandSpec("habit", "list", "List.", (), ("list my habits",)),
)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with the module in place."""
    folder = copied(tmp_path / "project")
    for name, place in (
        ("commands_habits.py", "bot/commands/habits.py"),
        ("routes_habits.py", "api/routes/habits.py"),
        ("names.py", "names.py"),
    ):
        (folder / place).write_bytes((DOCUMENTED / name).read_bytes())
    with (folder / "config" / "schema.sql").open("ab") as schema:
        schema.write((DOCUMENTED / "habits.sql").read_bytes())
    return folder


def run(project: Path, *arguments: str, text: str = "", **settings: str) -> str:
    """Run Python in the project with a clean environment; return what it printed."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(project),
        "ENV_FILE": os.devnull,
        "API_PORT": "0",
        "API_URL": "http://127.0.0.1:9",  # where nobody may be asked
        "CHAT_WAIT_SECONDS": "0",
        "PASSWORD_HASH_ROUNDS": "4",
        **settings,
    }
    done = warm.run(arguments, cwd=project, env=environment, text=text, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def in_place(database_url: URL) -> str:
    return database_url.render_as_string(hide_password=False)


@pytest.mark.every_database
def test_habits_with_a_model(
    project: Path, database: Database, database_url: URL, model_server: ModelServer
) -> None:
    model_server.replies(
        {"interaction_type": "habit", "action": "add", "habit_name": "running"},
        {"interaction_type": "habit", "habit_name": "running"},  # the validator sends it back
        {"interaction_type": "habit", "action": "list"},
    )
    said = run(
        project,
        *("manage.py", "up"),
        text=SESSION.format("I want to run each day\nwhich habits do I have?\n"),
        DATABASE_URL=in_place(database_url),
        JWT_SECRET=f"{'n' * 40},{'o' * 40}",
        OPENROUTER_API_KEY="key",
        OPENROUTER_BASE_URL=model_server.base_url,
    )
    assert "bot> Created habit: running\n" in said
    assert "bot> Your habits:\n     - running (streak: 0)\n" in said
    assert "Its fields: action, habit_name." in model_server.requests[0].messages[0]["content"]
    assert "Missing required field: action" in model_server.requests[2].messages[-1]["content"]
    postgres.get_columns("habits")
    joined = "SELECT u.username FROM habits h JOIN users u ON u.id = h.user_uuid"
    assert postgres.execute(joined) == [{"username": "ada"}]


def test_habits_without_a_model_and_the_names(project: Path) -> None:
    (project / "bot" / "commands" / "habit_sentences.py").write_text(SENTENCES)
    text = SESSION.format("add a habit running\nlist my habits\n")
    said = run(project, "manage.py", "up", text=text)
    assert "bot> Created habit: running\n" in said
    assert "bot> Your habits:\n     - running (streak: 0)\n" in said
    assert run(project, "names.py") == "every documented name is there\n"
    assert "The database is as the program declares it." in run(project, "manage.py", "db", "check")
    written = run(project, "manage.py", "db", "revision", "nothing").split()[1].rstrip(".")
    assert "habits" not in (project / written).read_text("utf-8")
    (project / written).unlink()
    assert "habits" in (project / "config" / "schema.sql").read_text("utf-8")
