"""The kinds of agents, each one a file that is found by itself."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.agent import AgentConfig, Services, load_agent_types
from bot.agents.echo import AGENT_TYPE as ECHO
from bot.agents.echo import EchoSettings
from bot.messages import Incoming
from bot.rules import Rules
from config.broken import BrokenModule
from config.settings import ROOT
from tests.support.chat import Person, World

PAGE = (ROOT / "docs" / "agent-types.md").read_text("utf-8")
PARROT = PAGE.split("```python\n", 1)[1].split("```", 1)[0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of agents, `found_agents`."""
    package = tmp_path / "found_agents"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    yield package
    for name in [name for name in sys.modules if name.partition(".")[0] == "found_agents"]:
        del sys.modules[name]


def test_three_kinds_come_with_the_program() -> None:
    kinds = load_agent_types()
    assert [*kinds] == ["commands", "echo", "llm"]
    assert all(kind.description.endswith(".") for kind in kinds.values())


async def test_a_new_kind_is_one_file(folder: Path, world: World, stranger: Person) -> None:
    (folder / "parrot.py").write_text(PARROT, "utf-8")
    kind = load_agent_types("found_agents")["parrot"]
    config = AgentConfig("polly", "parrot", Rules(), kind.settings(shout=True))
    agent = kind.make(config, Services(world.api, world.settings))
    await agent.handle(Incoming(stranger.address, "1", "hello"), stranger)
    assert stranger.replies == ["HELLO"]
    assert agent.registry.list_registered() == []
    await agent.close()


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("x = 1", "it has no AGENT_TYPE"),
        ("AGENT_TYPE = 1", "it has no AGENT_TYPE that is a AgentType"),
        ("import no_such_module", "No module named 'no_such_module'"),
        ("1 / 0", "division by zero"),
    ],
)
def test_a_broken_one_is_named(folder: Path, code: str, problem: str) -> None:
    (folder / "broken.py").write_text(code, "utf-8")
    with pytest.raises(BrokenModule, match=r"found_agents/broken\.py[:,] ") as caught:
        load_agent_types("found_agents")
    assert problem in str(caught.value)


def test_no_two_kinds_have_one_name(folder: Path) -> None:
    for name in ("one", "two"):
        (folder / f"{name}.py").write_text(PARROT, "utf-8")
    with pytest.raises(BrokenModule, match=r"found_agents/two\.py: .* a 'parrot' already"):
        load_agent_types("found_agents")


@pytest.mark.parametrize(
    ("around", "said", "told"),
    [
        ({}, "hello", "hello"),
        ({"prefix": "You said: ", "suffix": " - right?"}, "hi", "You said: hi - right?"),
        ({}, " ", "..."),
        ({}, "**bold** @everyone <@1> `x`", r"\*\*bold\*\* @everyone \<@1> \`x\`"),
    ],
)
async def test_echo(
    world: World, stranger: Person, around: dict[str, str], said: str, told: str
) -> None:
    config = AgentConfig("echo", "echo", Rules(), EchoSettings.model_validate(around))
    agent = ECHO.make(config, Services(world.api, world.settings))
    await agent.handle(Incoming(stranger.address, "1", said), stranger)
    assert stranger.replies == [told]
    await agent.close()


@pytest.mark.parametrize("settings", [{"prefix": "x" * 201}, {"infix": "x"}, {"prefix": 1}])
def test_echos_settings_are_checked(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="fix"):
        EchoSettings.model_validate(settings)
