"""`parse`, `register_validator` and `AI_CONFIG`, as other modules use them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ai import parser
from ai.commands import Catalogue, CommandSpec, FieldSpec
from ai.config import get_ai_config, load_ai_config
from ai.llm.registry import model_of
from config.settings import ROOT, get_settings
from tests.support.model_server import ModelServer


@pytest.fixture
def process(
    model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[None]:
    """Settings and commands of the process that lead to the scripted model."""
    caches = (get_settings, get_ai_config, parser._ai_config)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENROUTER_BASE_URL", model_server.base_url)
    for cached in caches:
        cached.cache_clear()
    commands = Catalogue()
    commands.add(
        CommandSpec("zoo", "feed", "Feed.", (FieldSpec("animal"),), ("feed the {animal} now",))
    )
    monkeypatch.setattr(parser, "catalogue", commands)
    yield
    for cached in caches:
        cached.cache_clear()


@pytest.mark.usefixtures("process")
def test_parse_blocks_and_answers(model_server: ModelServer) -> None:
    fed = {"interaction_type": "zoo", "action": "feed", "animal": "lion"}
    assert parser.parse("feed the lion now", "zoo") == fed
    assert parser.parse("feed the lion now", "command_parser") == fed
    assert not model_server.requests
    model_server.replies("no", fed)
    history = [("hello", {"needs_clarification": "Yes?"})]
    assert parser.parse("the lion is hungry", "zoo", 1, ["be short"], history) == fed
    assert "- be short" in model_server.requests[0].user
    assert '"hello"' in model_server.requests[0].user


@pytest.mark.usefixtures("process")
async def test_parse_may_be_called_where_a_loop_is_running() -> None:
    assert parser.parse(user_input="feed the owl now", interaction_type="zoo")["animal"] == "owl"


@pytest.mark.usefixtures("process")
def test_the_configuration_is_a_dict_that_may_be_changed(model_server: ModelServer) -> None:
    config = parser.AI_CONFIG
    assert config["validation"]["max_retries"] == 3
    config["model"] = "my/model"
    model_server.replies({"interaction_type": "zoo", "action": "feed", "animal": "cat"})
    parser.parse("the cat is hungry", "zoo")
    assert model_server.requests[0].body["model"] == "my/model"


def test_parse_knows_the_projects_commands_in_a_fresh_process() -> None:
    script = "import ai.parser; print(ai.parser.parse('who am i', 'command_parser'))"
    command = [sys.executable, "-c", script]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout == "{'interaction_type': 'account', 'action': 'show'}\n"


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="NO_SUCH_NAME"):
        parser.NO_SUCH_NAME  # noqa: B018


@pytest.mark.usefixtures("process")
def test_without_a_key_there_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_ai_config(ROOT / "ai" / "ai_config.json")
    assert model_of(get_settings(), config) is not None
    monkeypatch.delenv("OPENROUTER_API_KEY")
    get_settings.cache_clear()
    assert model_of(get_settings(), config) is None
