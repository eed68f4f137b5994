"""The AI configuration file, as shipped and as people get it wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from ai.config import load_ai_config
from config.settings import ROOT, ConfigError

SHIPPED = ROOT / "ai" / "ai_config.json"


def test_the_shipped_file_is_complete() -> None:
    config = load_ai_config(SHIPPED)
    assert config.model
    assert config.prompts["command"].user_template.endswith("</message>")
    assert (config.validation.max_retries, config.validation.timeout_seconds) == (3, 30)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"model": ""}, "model"),
        ({"model": None}, "model"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"temprature": 1}, "temprature"),
        ({"prompts": {"command": {"user_template": "{user_input}"}}}, "prompts.command.system"),
        (
            {"prompts": {"command": {"system": "x", "user_template": "hi"}}},
            "prompts.command.user_template",
        ),
        ({"prompts": {"habit": "x"}}, "prompts.habit"),
        ({"prompts": {"habit": {"system": "x"}}}, "prompts"),
        ({"validation": {"max_retries": 0}}, "validation.max_retries"),
        ({"validation": {"timeout_seconds": -1}}, "validation.timeout_seconds"),
        ({"validation": {"retries": 1}}, "validation.retries"),
    ],
)
def test_a_wrong_key_is_named_with_its_file(
    tmp_path: Path, change: dict[str, Any], key: str
) -> None:
    path = tmp_path / "my_config.json"
    path.write_text(json.dumps({**json.loads(SHIPPED.read_text("utf-8")), **change}), "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_ai_config(path)
    assert f"{path}: {key}: " in str(caught.value)


@pytest.mark.parametrize("name", ["command", "command_parser"])
def test_the_documented_file_is_accepted(tmp_path: Path, name: str) -> None:
    path = tmp_path / "documented.json"
    validation = {"max_retries": 2, "timeout_seconds": 9, "validators": {"habit": ["action"]}}
    prompts = {name: {"system": "Turn it into JSON.", "user_template": "User: {user_input}"}}
    content = {"model": "a/b", "max_tokens": 300, "prompts": prompts, "validation": validation}
    path.write_text(json.dumps(content), "utf-8")
    config = load_ai_config(path)
    assert config.prompts["command"] == config.prompts["command_parser"]
    assert config.prompts["command"].system == "Turn it into JSON."
    assert config.validation.max_retries == 2


@pytest.mark.parametrize(("content", "problem"), [("{,", "no valid JSON"), ("[]", "the file: ")])
def test_a_broken_file_is_named(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "my_config.json"
    path.write_text(content, "utf-8")
    with pytest.raises(ConfigError, match=f"my_config.json.*{problem}"):
        load_ai_config(path)


def test_a_missing_file_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.json can't be read .*AI_CONFIG_PATH"):
        load_ai_config(tmp_path / "nowhere.json")
