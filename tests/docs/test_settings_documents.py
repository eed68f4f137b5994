"""Every setting is documented, and the documents say what the program does."""

from pathlib import Path

import pytest

from config.settings import ROOT, Settings, load_settings
from docs.settings_table import (
    ENV_EXAMPLE,
    GROUPS,
    README,
    env_example,
    markdown_table,
    readme_with_table,
)


def test_every_setting_is_in_one_group_and_described() -> None:
    grouped = [name for group in GROUPS for name in group.names]

    assert sorted(grouped) == sorted(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        assert field.description, f"{name} lacks a description"
        assert "|" not in field.description, f"{name}'s description breaks the table"


def test_the_documents_are_current() -> None:
    advice = "`make format` renews it"
    assert ENV_EXAMPLE.read_text("utf-8") == env_example(), advice
    assert README.read_text("utf-8") == readme_with_table(), advice


def test_the_table_has_a_row_for_every_setting() -> None:
    table = markdown_table()

    for name in Settings.model_fields:
        assert table.count(f"| `{name.upper()}` |") == 1


def test_the_example_changes_nothing_as_it_is(tmp_path: Path) -> None:
    lines = ENV_EXAMPLE.read_text("utf-8").splitlines()

    assert [line for line in lines if line and not line.startswith("#")] == []


def test_the_example_holds_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(ROOT)  # the example's paths are the repository's
    text = ENV_EXAMPLE.read_text("utf-8")
    for name in Settings.model_fields:
        text = text.replace(f"\n#{name.upper()}=", f"\n{name.upper()}=")
    env_file = tmp_path / ".env"
    env_file.write_text(text.replace("DATA_DIR=var", f"DATA_DIR={tmp_path}"))

    settings = load_settings(env_file)

    made = {"data_dir", "jwt_secret", "service_key", "agent_token_keys"}
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if name == "ai_config_path":
            value = ROOT / value
        default = field.get_default(call_default_factory=True, validated_data=vars(settings))
        if name not in made:
            assert value == default, name
