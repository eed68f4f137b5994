"""`manage.py agents` and `users`, run as its main function against a database each."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

import manage
from cli.agents.schema import agents_schema
from config.settings import ROOT
from core import agents, users
from core.agents.leases import Leases, Report, Running
from core.agents.validation import SCHEMA_FILE
from core.postgres import insert
from runtime.run import run as run_program

Manage = Callable[..., tuple[int, str, str]]

EXAMPLE = ROOT / "config" / "agents.example.yml"

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Manage:
    """Run a command line; return its exit code, its output and its errors."""

    def call(*arguments: str, text: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["manage.py", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        with pytest.raises(SystemExit) as ended:
            run_program(manage.main)
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call


@pytest.fixture
def good(run: Manage) -> Callable[..., str]:
    """Run a command line that has to succeed; return its output."""

    def call(*arguments: str, text: str = "") -> str:
        code, out, err = run("agents", *arguments, text=text)
        assert code == 0, err
        return out

    return call


@pytest.fixture
def bad(run: Manage) -> Callable[..., str]:
    """Run a command line that has to fail; return its errors, which hold no traceback."""

    def call(*arguments: str, text: str = "") -> str:
        code, out, err = run("agents", *arguments, text=text)
        assert code != 0, out
        assert "Traceback" not in err
        return err

    return call


Good = Callable[..., str]


def test_an_agent_is_added_shown_changed_and_removed(good: Good) -> None:
    assert "no agents yet" in good("list")
    added = good(
        *("add", "greeter", "--type", "echo", "--token", "env:GREETER"),
        *("--set", "settings.prefix=> ", "--set", "answers.guilds=123, 456", "--disabled"),
    )
    assert added == "Added greeter.\n"
    shown = yaml.safe_load(good("show", "greeter"))
    assert shown["settings"] == {"prefix": "> "}
    assert shown["answers"] == {"guilds": [123, 456]}
    assert (shown["token"], shown["enabled"]) == ("env:GREETER", False)
    assert good("enable", "greeter") == "Enabled greeter.\n"
    assert agents.find("greeter")["enabled"]
    assert good("disable", "greeter") == "Disabled greeter.\n"
    assert not agents.find("greeter")["enabled"]
    good("edit", "greeter", "--set", "settings.suffix=!", "--set", "memory_days=7")
    good("edit", "greeter", "--unset", "settings.prefix", "--set", "answers.mention=no")
    row = agents.find("greeter")
    assert (row["settings"], row["memory_days"]) == ({"suffix": "!"}, 7)
    assert row["answers"] == {"guilds": [123, 456], "mention": False}
    good("edit", "greeter", "--type", "commands")
    assert agents.find("greeter")["settings"] == {}
    assert good("edit", "greeter", "--type", "commands") == "Nothing was different in greeter.\n"
    assert good("remove", "greeter", text="y\n").endswith("Removed greeter.\n")
    assert "no agents yet" in good("list")


def test_a_token_is_read_from_the_input_and_never_told(good: Good, bad: Good) -> None:
    told = good("add", "greeter", "--type", "echo", "--token", "-", text="a.secret.token\n")
    told += good("edit", "greeter", "--token", "-", text="b.secret.token\n")
    told += good("list") + good("show", "greeter") + good("export")
    told += bad("add", "x", "--type", "echo", "--token", "-", text="b.secret.token\n")
    told += bad("add", "x", "--type", "echo", "--token", "-", text="not a secret token\n")
    told += bad("add", "x", "--type", "echo", "--token", "c.secret.token")
    assert "secret" not in told
    assert "stays in the shell's history" in told
    assert "token: the agent greeter has this bot already" in told


def test_without_a_terminal_nothing_is_asked(bad: Good) -> None:
    assert "Give a name and a --type" in bad("add")
    assert "Give a --token: env:NAME" in bad("add", "x", "--type", "echo")


def test_errors_are_a_line_that_says_what_to_do(good: Good, bad: Good) -> None:
    good("add", "greeter", "--type", "echo", "--token", "env:A")
    assert bad("show", "x") == "There is no agent called x.\n"
    assert "nothing to change" in bad("edit", "greeter")
    assert "settings.colour: unknown; there is enabled, memory_days" in bad(
        "edit", "greeter", "--set", "settings.colour=red"
    )
    assert bad("edit", "greeter", "--set", "answers.mention=perhaps") == (
        'answers.mention: "perhaps" is not of the type boolean\n'
    )
    assert "write KEY=VALUE" in bad("edit", "greeter", "--set", "settings.prefix")
    assert bad("edit", "greeter", "--type", "oracle").startswith(
        'type: "oracle" is not known; there is commands, echo, llm'
    )
    refused = bad(
        *("add", "writer", "--type", "llm", "--token", "env:B"),
        *("--set", "settings.model=m", "--set", "settings.temperature=5"),
    )
    assert refused == "settings.temperature: 5 is more than 2\n"
    assert bad("add", "writer", "--type", "llm", "--token", "env:B") == (
        "settings: 'model' is missing\n"
    )


def test_the_list_says_how_each_is_doing(good: Good) -> None:
    for name in ("one", "two", "three"):
        good("add", name, "--type", "echo", "--token", f"env:{name.upper()}")
    good("disable", "three")
    leases = Leases(15)
    status = Running("one", "online", None, 12, 41.4)
    failed = Running("two", "refused", None, None, None, "its token is not accepted")
    for _ in range(2):
        leases.sync(Report("p", 50, agents=[status, failed]))
    lines = [line.split() for line in good("list").splitlines()]
    assert ["name", "type", "state", "since", "guilds", "latency", "last", "error"] in lines
    assert ["one", "echo", "online", "12", "41", "ms"] in lines
    assert ["three", "echo", "disabled"] in lines
    assert ["two", "echo", "refused", "its", "token", "is", "not", "accepted"] in lines


def test_a_file_is_applied_once_and_again(good: Good, tmp_path: Path) -> None:
    planned = good("apply", str(EXAMPLE), "--dry-run")
    assert "added writer" in planned
    assert "+    model: claude-sonnet-4-5" in planned
    assert planned.endswith("Nothing was changed: this was a dry run.\n")
    assert agents.list_all() == []
    good("apply", str(EXAMPLE))
    assert [row["name"] for row in agents.list_all()] == ["helper", "parrot", "writer"]
    assert good("apply", str(EXAMPLE)) == "Everything is as the file says.\n"
    assert {row["revision"] for row in agents.list_all()} == {1}

    exported = tmp_path / "exported.yml"
    exported.write_text(good("export"), "utf-8")
    assert yaml.safe_load(exported.read_text("utf-8")) == yaml.safe_load(
        EXAMPLE.read_text("utf-8").replace("enabled: true", "")
    )
    assert good("apply", str(exported), "--prune") == "Everything is as the file says.\n"

    changed = exported.read_text("utf-8").replace("0.7", "0.2").replace("parrot:", "budgie:")
    exported.write_text(changed.replace("PARROT", "BUDGIE"), "utf-8")
    told = good("apply", str(exported), "--prune", "--yes")
    assert told.splitlines()[0] == "removed parrot"
    assert "-    temperature: 0.7" in told
    assert "+    temperature: 0.2" in told
    assert [row["name"] for row in agents.list_all()] == ["budgie", "helper", "writer"]


def test_a_sealed_token_stays_where_a_file_names_none(good: Good, tmp_path: Path) -> None:
    good("add", "greeter", "--type", "echo", "--token", "-", text="a.secret.token\n")
    exported = good("export", "greeter")
    assert "# greeter: its token is sealed in the database and not written here." in exported
    file = tmp_path / "agents.yml"
    file.write_text(exported)
    assert good("apply", str(file)) == "Everything is as the file says.\n"
    assert agents.find("greeter")["token"] == "sealed"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("agents: {a: {type: echo}}", "a: token: a new agent needs one, as env:NAME."),
        ("agents: {a: {type: echo, token: a.real.token}}", "a: token: a file names a variable"),
        ("agents: {a: {type: oracle, token: env:A}}", 'a: type: "oracle" is not known'),
        ("agents: {a: {token: env:A}}", "a: 'type' is missing"),
        ("agents: {A B: {type: echo, token: env:A}}", "A B: name:"),
        ("agents: {a: {type: echo, token: env:A, colour: red}}", "a: colour:"),
        ("agents: {a: {type: echo, token: env:A, settings: {x: 1}}}", 'a: settings: "x": unknown'),
        ("agents: {a: {type: echo}, a: {type: echo}}", "line 1: a stands there twice."),
        ("agents: [a]", "write `agents:`, and below it each agent"),
        ("agents: {a: 5}", "write `agents:`, and below it each agent"),
        ("bots: {}", "write `agents:`, and below it each agent"),
        ("", "write `agents:`, and below it each agent"),
        ("agents: {a", ", line 1: "),
        ("\x00", "this is no YAML"),
        (None, "can't be read: No such file or directory."),
    ],
)
def test_a_file_that_is_wrong_changes_nothing(
    good: Good, bad: Good, tmp_path: Path, text: str | None, told: str
) -> None:
    good("add", "there", "--type", "echo", "--token", "env:THERE")
    file = tmp_path / "agents.yml"
    if text is not None:
        first = "agents: {there: {type: echo, enabled: false}, "
        file.write_text(text.replace("agents: {a: {", f"{first}a: {{"))
    assert told in bad("apply", str(file))
    assert [(row["name"], row["enabled"]) for row in agents.list_all()] == [("there", True)]


def test_off_is_a_word_in_a_file_as_in_editors(good: Good, tmp_path: Path) -> None:
    file = tmp_path / "agents.yml"
    entry = "{type: echo, token: env:A, answers: {direct_messages: off, mention: false}}"
    file.write_text(f"agents: {{a: {entry}}}")
    good("apply", str(file))
    assert agents.find("a")["answers"] == {"direct_messages": "off", "mention": False}


def test_what_is_pruned_is_asked_for(good: Good, bad: Good, tmp_path: Path) -> None:
    good("add", "there", "--type", "echo", "--token", "env:THERE")
    file = tmp_path / "agents.yml"
    file.write_text("agents: {}")
    assert good("apply", str(file)) == "Everything is as the file says.\n"
    bad("apply", str(file), "--prune", text="n\n")
    assert "removed there" in good("apply", str(file), "--prune", "--dry-run")
    assert len(agents.list_all()) == 1
    assert "removed there" in good("apply", str(file), "--prune", text="y\n")
    assert agents.list_all() == []


def test_keys_are_rotated(good: Good) -> None:
    good("add", "greeter", "--type", "echo", "--token", "-", text="a.secret.token\n")
    assert good("rotate-keys") == "Sealed 1 token with the first key.\n"


def test_users_are_promoted_listed_and_demoted(run: Manage) -> None:
    assert "no users yet" in run("users", "list")[1]
    insert("users", {"username": "ada", "password_hashed": b"x"})
    assert run("users", "promote", "ada")[1] == "ada is an administrator.\n"
    assert [row["username"] for row in users.list_users("admin")] == ["ada"]
    assert "admin" in run("users", "list", "--admins")[1]
    assert run("users", "demote", "ada")[1] == "ada is no administrator.\n"
    assert users.list_users("admin") == []
    assert run("users", "promote", "ben")[::2] == (2, "There is no user called ben.\n")


def test_the_schema_is_current_and_a_good_one() -> None:
    import json

    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    assert schema == agents_schema(), "`manage.py generate` renews it"
    Draft202012Validator.check_schema(schema)


def test_the_example_is_what_the_schema_allows() -> None:
    first, *_ = EXAMPLE.read_text("utf-8").splitlines()
    assert first == "# yaml-language-server: $schema=agents.schema.json"
    assert (EXAMPLE.parent / first.partition("=")[2]).samefile(SCHEMA_FILE)
    example = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    Draft202012Validator(agents_schema()).validate(example)
    types = {one["type"] for one in example["agents"].values()}
    assert types == set(agents_schema()["$defs"]["agent"]["properties"]["type"]["enum"])
