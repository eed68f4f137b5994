"""What is broken ends each program's start in one line: which file, where in it, why."""

import logging
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from core import migrations
from core.db.engine import Database
from runtime.logs import LogFile
from tests.support import warm
from tests.support.project import copied
from tests.system.test_first_session import environment, run

UP, API, BOT, SCHEDULER, MIGRATE, CHECK = (
    ("manage.py", "up", "--chat", "help"),
    ("-m", "api.main"),
    ("-m", "bot.bot"),
    ("-m", "scheduler.daemon"),
    ("manage.py", "db", "upgrade"),
    ("manage.py", "generate", "--check"),
)
COMMAND = """
from bot.framework.context import Context
from bot.framework.registry import CommandModule
odd = CommandModule("odd", "Odd things")

@odd.command("{}")
async def go(ctx: Context) -> str:
    \"\"\"Go.\"\"\"
    return "gone"
"""
MIGRATION = (
    'from alembic import op\nrevision = "zz"\ndown_revision = "{}"\ndef upgrade():\n    {}\n'
)
LAST = migrations.head() or ""
COMMANDS, ROUTES, AGENTS, JOBS, VERSIONS = (
    f"{folder}/odd.py"
    for folder in (
        "bot/commands",
        "api/routes",
        "bot/agents",
        "scheduler/jobs",
        "core/migrations/versions",
    )
)
AI = "ai/ai_config.json"
PROMPTS = '"prompts": {"command": {"system": "s", "user_template": "{user_input}"}}'
Ended = subprocess.CompletedProcess[str]
Start = Callable[..., Ended]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program."""
    return copied(tmp_path_factory.mktemp("copy") / "it")


@pytest.fixture
def start(project: Path, tmp_path: Path) -> Iterator[Start]:
    """Start a program with one file written; the file is put back after the test."""
    before: dict[Path, bytes | None] = {}

    def run(program: tuple[str, ...], file: str, content: str | bytes) -> Ended:
        path = project / file
        before.setdefault(path, path.read_bytes() if path.exists() else None)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        own = {"ENV_FILE": str(project / "config" / ".env")}
        return warm.run(program, cwd=project, env=environment(tmp_path, **own), timeout=60)

    yield run
    for path, content in before.items():
        path.unlink() if content is None else path.write_bytes(content)


def complaint(done: Ended) -> str:
    """The one line that is no line of the log."""
    assert done.returncode == 2, done.stdout + done.stderr
    told = [line for line in done.stderr.splitlines() if " INFO " not in line]
    assert len(told) == 1, done.stderr
    return told[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("programs", "file", "content", "told"),
    [
        ((UP, BOT), COMMANDS, "def f(:\n", f"{COMMANDS}, line 1: SyntaxError"),
        ((UP,), COMMANDS, "\nimport not_there\n", f"{COMMANDS}, line 2: ModuleNotFoundError"),
        ((UP,), COMMANDS, "x = y\n", f"{COMMANDS}, line 1: NameError: name 'y' is not defined"),
        ((UP,), COMMANDS, COMMAND.format("do {thing"), f"{COMMANDS}, line 6: bot.commands.odd.go"),
        ((UP,), COMMANDS, COMMAND.format("do {it}"), "names {it}, which is none of its fields"),
        (
            (CHECK,),
            COMMANDS,
            COMMAND.format("delete my [own] account"),
            "are said in the same words, such",
        ),
        ((UP, API), ROUTES, "1 / 0\n", f"{ROUTES}, line 1: ZeroDivisionError"),
        ((UP,), ROUTES, "def register(app):\n    oops()\n", f"{ROUTES}, line 2: NameError"),
        ((UP,), ROUTES, "", f"{ROUTES} has no function register(app)"),
        ((UP, BOT), AGENTS, "AGENT_TYPE = 1\n", f"{AGENTS}: it has no AGENT_TYPE"),
        ((UP, SCHEDULER), JOBS, "1 / 0\n", f"{JOBS}, line 1: ZeroDivisionError"),
        ((UP, BOT), AI, '{\n"model": }', f"{AI} is no valid JSON: Expecting value: line 2"),
        ((UP,), AI, f'{{"model": 3, "modle": "m", {PROMPTS}}}', f"{AI}: model: Input should be"),
        (
            (UP, API, SCHEDULER, MIGRATE),
            VERSIONS,
            MIGRATION.format(LAST, "op.execute('SELEKT 1')"),
            f"{VERSIONS}, line 5: OperationalError",
        ),
        (
            (UP, CHECK),
            VERSIONS,
            MIGRATION.format(LAST, "pass").replace("zz", LAST),
            f"{VERSIONS} has the revision that {LAST}_",
        ),
        (
            (UP,),
            VERSIONS,
            MIGRATION.format("0777", "pass"),
            "core/migrations: a down_revision names 0777",
        ),
        ((UP, CHECK), VERSIONS, MIGRATION.format("0003", "pass"), "and odd.py both come last"),
        ((CHECK,), VERSIONS, MIGRATION.format("zz", "pass"), "odd.py name each other in down_rev"),
        (
            (UP, API, BOT, SCHEDULER),
            "config/.env",
            "A=1\nTIME_ZONE=Zürich\n".encode("latin-1"),
            "config/.env, line 2, is not UTF-8 text",
        ),
        ((UP,), "config/.env", "A=1\n".encode("utf-16"), "config/.env, line 1, is not UTF-8 text"),
        ((UP,), "config/.env", "\ufeffLOG_LEVEL=LOUD\n", "LOG_LEVEL: Input should be 'DEBUG'"),
    ],
)
def test_a_broken_file_is_told_in_one_line(
    start: Start, programs: tuple[tuple[str, ...], ...], file: str, content: str, told: str
) -> None:
    for program in programs:
        assert told in complaint(start(program, file, content))


@pytest.mark.slow
def test_a_developer_finds_the_traceback_in_the_log(start: Start, tmp_path: Path) -> None:
    line = complaint(start(UP, COMMANDS, "def f():\n    return y\n\nf()\n"))
    assert line.startswith(f"{COMMANDS}, line 2: NameError: name 'y' is not defined")
    log = tmp_path / "var" / "bot.log"
    assert line.endswith(f"The traceback is in {log}.")
    assert "Traceback (most recent call last)" in log.read_text()
    assert f'{COMMANDS}", line 4, in <module>' in log.read_text()


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("DATA_DIR", "/dev/null/var", "/dev/null/var: Not a directory; DATA_DIR says where"),
        ("LOG_FILE", "/dev/null/log", "/dev/null: File exists; LOG_FILE says where"),
        ("DATABASE_URL", "sqlite:////dev/null/app.db", "/dev/null: File exists; DATA_DIR and"),
        ("DATABASE_URL", "sqlite:///{}/text", "sqlite:///{}/text can't be used: file is not a"),
        ("DATABASE_URL", "postgres://a:b@s@x/app", "DATABASE_URL: in a user name or password @ is"),
    ],
)
def test_a_bad_place_is_told_in_one_line(
    tmp_path: Path, setting: str, value: str, told: str
) -> None:
    (tmp_path / "text").write_text("this is no database, but some text instead " * 20)
    done = run(tmp_path, *UP[1:], **{setting: value.format(tmp_path)})
    assert told.format(tmp_path) in complaint(done)


def test_a_log_that_cannot_be_written_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = LogFile("/dev/full")
    for number in range(100):
        handler.emit(logging.makeLogRecord({"msg": f"line {number}"}))
    with suppress(OSError):
        handler.close()
    told = capsys.readouterr().err
    assert told == "The log can't be written to /dev/full: No space left on device.\n"


@pytest.mark.slow
def test_what_the_program_keeps_is_for_its_owner_alone(tmp_path: Path) -> None:
    kept = tmp_path / "var"
    kept.mkdir()
    for name in ("app.db", "bot.log"):
        (kept / name).touch(0o644)
    log = LogFile(str(kept / "other.log"), maxBytes=1, backupCount=1)
    for line in ("one", "two"):
        log.emit(logging.makeLogRecord({"msg": line}))
    log.close()
    with closing(Database(f"sqlite:///{kept}/open.db")) as database:
        database.run(lambda cursor: cursor.execute("CREATE TABLE t (n INTEGER)"))
        assert run(tmp_path, "up", "--chat", "help").returncode == 0
        assert run(tmp_path, "backup", str(kept / "backup")).returncode == 0
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in kept.iterdir()}
    assert set(modes) >= {"app.db", "bot.log", "open.db-wal", "open.db-shm", "other.log.1"}
    assert set(modes.values()) == {0o600}, modes


def test_what_the_owner_has_opened_to_a_group_stays_so(tmp_path: Path) -> None:
    for mode, kept in ((0o640, 0o640), (0o644, 0o600)):
        file = tmp_path / f"{mode}.db"
        file.touch(mode)
        file.chmod(mode)
        Database(f"sqlite:///{file}").close()
        assert stat.S_IMODE(file.stat().st_mode) == kept
