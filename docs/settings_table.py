"""The settings as documents: the README's table and config/.env.example, made from Settings."""

import textwrap
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from config.own_settings import own_settings
from config.settings import ROOT, Settings

README = ROOT / "README.md"
ENV_EXAMPLE = ROOT / "config" / ".env.example"
BEGIN = "<!-- settings: made from config/settings.py by `make format` -->"
END = "<!-- end of settings -->"
WIDTH = 100


class Group(NamedTuple):
    """Settings that are read together."""

    title: str
    names: tuple[str, ...]


GROUPS = (
    Group("Mode", ("app_env", "data_dir")),
    Group("Discord", ("discord_bot_token", "sign_in", "discord_api_url", "discord_cdn_urls")),
    Group(
        "Language model",
        (
            "openrouter_api_key",
            "openrouter_base_url",
            "openai_api_key",
            "openai_base_url",
            "anthropic_api_key",
            "anthropic_base_url",
            "transcription_base_url",
            "transcription_api_key",
            "transcription_model",
            "ai_config_path",
            "model_requests_per_user_day",
            "model_tokens_per_user_day",
            "model_tokens_per_agent_day",
        ),
    ),
    Group(
        "Secrets: `make secrets` makes good ones",
        ("jwt_secret", "service_key", "agent_token_keys"),
    ),
    Group(
        "Agents",
        (
            "max_agents",
            "agents_sync_interval",
            "agent_lease_seconds",
            "agent_variables",
            "memory_retention_days",
        ),
    ),
    Group(
        "Database: SQLite under DATA_DIR, unless one of the first five is set",
        (
            "database_url",
            "db_host",
            "db_port",
            "db_name",
            "db_user",
            "db_pass",
            "db_pool_size",
        ),
    ),
    Group(
        "API",
        (
            "api_url",
            "api_host",
            "api_port",
            "api_threads",
            "web_concurrency",
            "api_keep_to_core",
            "console",
            "public_url",
            "rate_limit",
            "rate_limit_login",
            "rate_limit_storage_url",
            "trusted_proxies",
            "cors_origins",
            "metrics_token",
            "password_hash_rounds",
        ),
    ),
    Group(
        "Reminders and notifications",
        (
            "poll_interval",
            "wake_interval",
            "ntfy_base_url",
            "ntfy_token",
            "discord_webhook_base_url",
            "push_schemes",
            "push_networks",
            "sent_kept_days",
        ),
    ),
    Group(
        "Conversation",
        (
            "time_zone",
            "chat_wait_seconds",
            "login_timeout_seconds",
            "most_waiting_messages",
            "shutdown_timeout",
        ),
    ),
    Group("Logs", ("log_level", "log_format", "log_file")),
    Group("Metrics for Prometheus", ("metrics_port", "metrics_host")),
    Group("Model Context Protocol", ("mcp_port", "mcp_host")),
)


def markdown_table() -> str:
    """Return the README's table, a row per setting."""
    rows = ["| setting | default | what it is |", "| --- | --- | --- |"]
    for group in GROUPS:
        rows.append(f"| **{group.title}** | | |")
        for name in group.names:
            default = _default(name)
            shown = f"`{default}`" if default else ""
            rows.append(f"| `{name.upper()}` | {shown} | {_description(name)} |")
    return "\n".join(rows)


def readme_with_table() -> str:
    """Return the README with a current table between its two markers."""
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{README.name} lacks the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{markdown_table()}\n\n{END}{after}"


def env_example() -> str:
    """Return config/.env.example: every setting with its default, commented out.

    Those of the modules come last. Raises BrokenModule.
    """
    lines = [
        "# Every setting with its default. Copy this to config/.env and uncomment what you change.",
        "# The environment wins over the file. `make format` writes this from config/settings.py.",
    ]
    for group in GROUPS:
        lines += ["", f"# --- {group.title} ".ljust(WIDTH, "-")]
        for name in group.names:
            comment = textwrap.wrap(f"# {_description(name)}", WIDTH, subsequent_indent="# ")
            lines += ["", *comment, f"#{name.upper()}={_default(name)}"]
    for own in own_settings():
        lines += ["", f"# --- {own.__module__} ".ljust(WIDTH, "-")]
        for name in own.model_fields:
            comment = textwrap.wrap(f"# {_description(name, own)}", WIDTH, subsequent_indent="# ")
            lines += ["", *comment, f"#{name.upper()}={_default(name, own)}"]
    return "\n".join(lines) + "\n"


def _description(name: str, kind: type[BaseSettings] = Settings) -> str:
    return kind.model_fields[name].description or ""


def _default(name: str, kind: type[BaseSettings] = Settings) -> str:
    """Return a setting's default as config/.env spells it; empty where there is none."""
    plain = {name: field.default for name, field in kind.model_fields.items()}
    default = kind.model_fields[name].get_default(call_default_factory=True, validated_data=plain)
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if isinstance(default, Path) and default.is_relative_to(ROOT):
        default = default.relative_to(ROOT)
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    return "" if default is None else str(default)
