"""One frozen Settings, read from the environment and from config/.env.

The environment wins over the file. Secrets that are missing are made once and kept under DATA_DIR
in development; any other mode refuses to start without them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    IPvAnyNetwork,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from config.broken import ROOT as ROOT
from config.broken import CannotStart, shown
from config.database_url import read_url, redis_place
from config.secrets import (
    GENERATED_SECRETS,
    REQUIRED_SECRETS,
    entries,
    kept_secrets,
    keys_in,
    weakness,
)
from config.zones import time_zones

if TYPE_CHECKING:
    from sqlalchemy import URL

ENV_FILE = ROOT / "config" / ".env"
ENV_ENCODING = "utf-8-sig"  # some editors begin a file with a mark
A_DAY = 86_400  # seconds; no wait is longer, and none too long for the system's calls
LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - by where it listens


Entry = TypeVar("Entry")
OfSettings = TypeVar("OfSettings", bound=BaseSettings)
ListOf = Annotated[
    tuple[Entry, ...],
    NoDecode,  # by pydantic-settings, which would want JSON
    BeforeValidator(lambda value: entries(value) if isinstance(value, str) else value),
]
"""A comma-separated setting, each of whose entries is checked by itself."""


def _origin(text: str) -> str:
    """Return the beginning of a web address, as browsers send it in the header Origin."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise ValueError("it is written like https://example.com, without a path")
    return text.rstrip("/")


def _base_url(text: str) -> str:
    """Return the beginning of the addresses of a service."""
    parts = urlsplit(text)
    # 0 is the port of an API that takes any free one, by API_PORT; `port` raises for 65536.
    is_port = parts.port is None or parts.port >= 0
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_port:
        raise ValueError("it is written like https://example.com/v1")
    return text


Origin = Annotated[str, AfterValidator(_origin)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
OriginOrAny = Annotated[str, AfterValidator(lambda text: text if text == "*" else _origin(text))]
Variables = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]*\*?$")]
Scheme = Annotated[str, StringConstraints(to_lower=True, pattern="^[A-Za-z0-9]{1,32}$")]


def local_url(host: str, port: int) -> str:
    """Return where this machine reaches a server that listens on an address and a port."""
    host = LOOPBACK.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class ConfigError(CannotStart):
    """The settings can't be used; the message lists what to change."""


class Settings(BaseSettings):
    """Every setting of every service; the field's upper-case name is the environment variable."""

    model_config = SettingsConfigDict(
        env_file_encoding=ENV_ENCODING,
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        allow_inf_nan=False,
    )

    app_env: Literal["development", "production"] = Field(
        "development", description="development makes missing secrets itself; production refuses."
    )
    data_dir: Path = Field(
        ROOT / "var", description="Where SQLite's file and the development secrets live."
    )

    discord_bot_token: SecretStr | None = Field(
        None, description="The bot's token; without one the conversation is in the terminal."
    )
    discord_api_url: BaseUrl = Field(
        "https://discord.com/api/v10", description="Discord's REST interface."
    )

    sign_in: ListOf[Literal["password", "discord"]] = Field(
        ("password",),
        description="How people log in: password (a user name and a password), discord (by their "
        "Discord account, without a password), or both, comma-separated.",
    )
    public_url: Origin | None = Field(
        None, description="Where people reach the API with a browser, such as https://example.com."
    )

    discord_cdn_urls: ListOf[Origin] = Field(
        ("https://cdn.discordapp.com", "https://media.discordapp.net"),
        description="Where pictures and recordings may be fetched from; comma-separated.",
    )

    api_host: str = Field("127.0.0.1", description="The address that the API listens on.")
    api_port: int = Field(8080, ge=0, le=65535, description="The port that the API listens on.")
    api_url: BaseUrl = Field(
        default_factory=lambda read: local_url(read["api_host"], read["api_port"]),
        description="Where the bot reaches the API; unless set, at API_HOST and API_PORT.",
    )
    console: bool = Field(
        default_factory=lambda read: read["app_env"] == "development",
        description="The API serves the web console at /; unless set, in development only.",
    )
    api_threads: int = Field(
        8, ge=1, le=256, description="Requests that each process of the API works on at once."
    )
    web_concurrency: int = Field(
        1, ge=1, le=64, description="Processes of the API behind its port; one per core is enough."
    )
    api_keep_to_core: bool = Field(
        True,
        description="Each process of the API keeps to one core, where it answers up to twice as "
        "much; on Linux.",
    )

    database_url: SecretStr | None = Field(
        None,
        description="The database's address as hosts give it: postgres://, mysql://, mariadb:// or "
        "sqlite:///, with options such as ?sslmode=require; wins over the DB_ settings.",
    )
    db_host: str = Field("localhost", description="PostgreSQL's host.")
    db_port: int = Field(5432, ge=1, le=65535, description="PostgreSQL's port.")
    db_name: str = Field("app", description="The database's name.")
    db_user: str = Field("app", description="The database's user.")
    db_pass: SecretStr = Field(SecretStr(""), description="The database user's password.")
    db_pool_size: int = Field(
        16, ge=1, le=200, description="Connections a process may keep open: more than API_THREADS."
    )

    jwt_secret: SecretStr = Field(SecretStr(""), description="Signs the users' tokens (HS256).")
    service_key: SecretStr = Field(
        SecretStr(""), description="What the bot shows the API to ask for its users' tokens."
    )

    rate_limit: str = Field(
        "600 per minute", description="Requests that one user, or one address, may send."
    )
    rate_limit_login: str = Field(
        "20 per minute; 200 per hour",
        description="Log-ins and registrations from one address, or one chat account.",
    )
    rate_limit_storage_url: SecretStr = Field(
        SecretStr("memory://"),
        description="Where requests are counted: memory, or redis://:password@host:6379.",
    )
    trusted_proxies: int = Field(
        0, ge=0, le=10, description="Proxies before the API whose X-Forwarded-For is believed."
    )
    cors_origins: ListOf[OriginOrAny] = Field(
        (), description="Web pages that may call the API from a browser, comma-separated."
    )
    metrics_token: SecretStr | None = Field(
        None, description="Bearer token that opens GET /metrics; without it, SERVICE_KEY does."
    )

    password_hash_rounds: int = Field(
        12, ge=4, le=16, description="bcrypt's cost: each step doubles the time of a log-in."
    )

    agent_token_keys: SecretStr = Field(
        SecretStr(""),
        description="Fernet keys, comma-separated: the first seals agents' tokens, all open them.",
    )
    agent_variables: ListOf[Variables] = Field(
        ("AGENT_*",),
        description="Variables that agents may name for tokens and keys (env:NAME); "
        "comma-separated, * for any end.",
    )
    max_agents: int = Field(
        50, ge=0, le=1000, description="Agents that one bot process runs at most."
    )
    agents_sync_interval: float = Field(
        1, gt=0, le=60, description="Seconds between two looks for changes of agents."
    )
    agent_lease_seconds: float = Field(
        15, ge=0.5, le=3600, description="A bot process that died has its agents elsewhere by then."
    )
    memory_retention_days: int = Field(
        90, ge=0, le=36_500, description="Days that agents remember what was said; 0: no end."
    )

    openrouter_api_key: SecretStr | None = Field(
        None, description="The model's key; without one, local sentences only."
    )
    openrouter_base_url: BaseUrl = Field(
        "https://openrouter.ai/api/v1", description="Any OpenAI-compatible server."
    )
    openai_api_key: SecretStr | None = Field(
        None, description="The key of llm agents whose provider is openai."
    )
    openai_base_url: BaseUrl = Field(
        "https://api.openai.com/v1", description="Where OPENAI_API_KEY is sent."
    )
    anthropic_api_key: SecretStr | None = Field(
        None, description="The key of llm agents whose provider is anthropic."
    )
    anthropic_base_url: BaseUrl = Field(
        "https://api.anthropic.com", description="Where ANTHROPIC_API_KEY is sent."
    )
    transcription_base_url: BaseUrl | None = Field(
        None,
        description="Where voice messages are written out: any server with OpenAI's "
        "/audio/transcriptions; without one they are not understood.",
    )
    transcription_api_key: SecretStr | None = Field(None, description="The key for that server.")
    transcription_model: str = Field(
        "gpt-transcribe", min_length=1, description="The model that writes them out."
    )
    ai_config_path: Path = Field(
        ROOT / "ai" / "ai_config.json", description="Model, prompts, validation."
    )
    model_requests_per_user_day: int = Field(
        200, ge=0, description="Requests to the model that one user may cause a day; 0: no limit."
    )
    model_tokens_per_user_day: int = Field(
        1_000_000, ge=0, description="Tokens that one user may spend a day (UTC); 0: no limit."
    )
    model_tokens_per_agent_day: int = Field(
        10_000_000, ge=0, description="Tokens that one bot may spend a day (UTC); 0: no limit."
    )

    poll_interval: float = Field(
        60, gt=0, le=A_DAY, description="Seconds between two runs of the scheduler's poll callback."
    )
    wake_interval: float = Field(
        0.5,
        gt=0,
        le=A_DAY,
        description="Seconds between two looks for what is due, where no LISTEN tells.",
    )
    ntfy_base_url: BaseUrl = Field("https://ntfy.sh", description="The ntfy server.")
    ntfy_token: SecretStr | None = Field(None, description="The access token for that server.")
    push_schemes: ListOf[Scheme] = Field(
        ("mailtos", "pover", "slack", "tgram"),
        description="Kinds of addresses that users may add (Apprise's schemes), comma-separated.",
    )
    push_networks: ListOf[IPvAnyNetwork] = Field(
        (),
        description="Private networks that such addresses may lead to, such as 10.1.0.0/16; none.",
    )
    sent_kept_days: float = Field(
        30, gt=0, le=36_500, description="Days after which deliveries that were sent are deleted."
    )
    discord_webhook_base_url: BaseUrl = Field(
        "https://discord.com/api/webhooks/",
        description="What a user's Discord webhook must start with.",
    )

    time_zone: str = Field("UTC", description="The zone of users who have not set theirs.")
    chat_wait_seconds: float = Field(
        30, ge=0, le=A_DAY, description="How long piped input waits for reminders before it ends."
    )
    login_timeout_seconds: float = Field(
        300,
        gt=0,
        le=A_DAY,
        description="A log-in or question left unanswered this long is dropped.",
    )
    most_waiting_messages: int = Field(
        5,
        ge=1,
        description="Messages of one person that may wait for an answer on Discord; more are "
        "dropped, and they are told so once.",
    )
    shutdown_timeout: float = Field(
        10, ge=0, le=A_DAY, description="Seconds that answers under way get when the program stops."
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least severe lines that are written."
    )
    log_format: Literal["plain", "json"] = Field("plain", description="One line of text, or JSON.")
    log_file: Path | None = Field(
        None, description="Write to this file, rotated at 10 MB, five kept; else to the screen."
    )

    metrics_port: int = Field(
        0, ge=0, le=65535, description="Each process serves /metrics and /health here; 0: off."
    )
    metrics_host: str = Field("127.0.0.1", description="The address that METRICS_PORT is on.")

    mcp_port: int = Field(
        0, ge=0, le=65535, description="The bot serves its commands as MCP tools here; 0: off."
    )
    mcp_host: str = Field("127.0.0.1", description="The address that MCP_PORT is on.")

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        if value not in time_zones():
            raise ValueError(f"no such time zone: {value!r}; use a name like Europe/Berlin")
        return value

    @field_validator("database_url")
    @classmethod
    def _database_url_is_readable(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            read_url(value.get_secret_value())
        return value

    @field_validator("rate_limit_storage_url")
    @classmethod
    def _storage_url_is_readable(cls, value: SecretStr) -> SecretStr:
        redis_place(value.get_secret_value())
        return value

    @field_validator("rate_limit", "rate_limit_login")
    @classmethod
    def _limit_is_readable(cls, value: str, info: ValidationInfo) -> str:
        if value == cls.model_fields[str(info.field_name)].default:
            return value
        from limits import parse_many  # here, for only the API counts requests

        try:
            parse_many(value)
        except ValueError as error:
            raise ValueError(f"{value!r} is no limit; write it like 600 per minute") from error
        return value

    @field_validator("agent_token_keys")
    @classmethod
    def _keys_are_fernets(cls, value: SecretStr) -> SecretStr:
        keys_in(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _secrets_are_strong(self) -> Self:
        if self.app_env == "development":
            return self
        problems = [
            f"{name.upper()} {problem}"
            for name in REQUIRED_SECRETS
            if (problem := weakness(name, getattr(self, name).get_secret_value()))
        ]
        if problems:
            raise ValueError("; ".join(problems) + "; `make secrets` makes good ones")
        return self

    @property
    def sqlalchemy_url(self) -> "URL":
        """The database: DATABASE_URL, else PostgreSQL where one is named, else SQLite.

        A password alone names none: `make secrets` makes one for those who will need it.
        """
        from sqlalchemy import URL  # here, for the bot has no database

        if self.database_url:
            return read_url(self.database_url.get_secret_value())
        if self.model_fields_set & {"db_host", "db_port", "db_name", "db_user"}:
            return URL.create(
                "postgresql+psycopg2",
                username=self.db_user,
                password=self.db_pass.get_secret_value() or None,
                host=self.db_host,
                port=self.db_port,
                database=self.db_name,
            )
        return URL.create("sqlite", database=str(self.data_dir / "app.db"))


def read(kind: type[OfSettings], env_file: Path) -> OfSettings:
    """Read settings of a kind from the environment and a file.

    Raises ConfigError with one line a problem, never with a value in it.
    """
    try:
        return kind(_env_file=env_file)
    except ValidationError as error:
        raise ConfigError(_explain(error, env_file)) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"{shown(env_file)}, line {line}, is not UTF-8 text: save the file as UTF-8"
        ) from error
    except OSError as error:
        raise ConfigError(f"{shown(env_file)} can't be read: {error.strerror}") from error


def load_settings(env_file: Path | None = None) -> Settings:
    """Read the settings and, in development, make the missing secrets.

    The file is `env_file`, else `settings_file()`.
    Raises ConfigError with one line a problem, never with a value in it.
    """
    settings = read(Settings, env_file or settings_file())
    if settings.app_env != "development":
        return settings
    missing = [
        name
        for name in GENERATED_SECRETS
        if not any(entries(getattr(settings, name).get_secret_value()))
    ]
    if not missing:
        return settings
    try:
        kept = kept_secrets(settings.data_dir)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    except OSError as error:
        raise ConfigError(
            f"{shown(error.filename or settings.data_dir)}: {error.strerror}; "
            "DATA_DIR says where the program keeps its files"
        ) from error
    return settings.model_copy(update={name: SecretStr(kept[name]) for name in missing})


def values_in(env_file: Path) -> dict[str, str | None]:
    """Return what a file of settings holds, by name."""
    return dotenv_values(env_file, encoding=ENV_ENCODING)


def settings_file() -> Path:
    """Return what the environment's ENV_FILE names, else config/.env."""
    return Path(os.environ.get("ENV_FILE", ENV_FILE))


def _explain(error: ValidationError, env_file: Path) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        if problem["type"] == "default_factory_not_called":  # what it needs is told already
            continue
        setting, *inner = problem["loc"] or ("",)
        name = str(setting).upper() + "".join(
            f" (entry {part + 1})" for part in inner if isinstance(part, int)
        )
        message = problem["msg"].removeprefix("Value error, ")
        where = "the environment" if str(setting).upper() in os.environ else shown(env_file)
        lines.append(f"{name}: {message} (in {where})" if name else message)
    return "\n".join(lines)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return this process's settings, read once, and put them into os.environ for modules."""
    settings = load_settings()
    _export(settings)
    return settings


def _export(settings: Settings) -> None:
    """Set in os.environ what modules read there by themselves: config/.env, and JWT_SECRET.

    Of several keys it is the first, which signs: a module that decodes a token takes one.
    """
    for name, value in values_in(settings_file()).items():
        if value is not None:
            os.environ.setdefault(name, value)
    os.environ["JWT_SECRET"] = entries(settings.jwt_secret.get_secret_value())[0]


def api_url() -> str:
    """Return where this process reaches the API: its own, where it serves one, else API_URL."""
    return _served_at or get_settings().api_url


@contextmanager
def serving_api(host: str, port: int) -> Iterator[str]:
    """Have `api_url` lead to the API that this process serves; yield its address."""
    global _served_at  # the one place that owns it
    _served_at = local_url(host, port)
    try:
        yield _served_at
    finally:
        _served_at = None


_served_at: str | None = None
