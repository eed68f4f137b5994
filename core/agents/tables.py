"""The tables of agents: what they are, which process runs them, and what they remember."""

from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    func,
    text,
)

from core.tables import Moment, created_at_column, id_column, metadata
from runtime.clock import utc_now

POOLED = "discord"
"""The platform whose agents stand in the database; elsewhere, as in a console, they come and go."""
WEB = "web"
"""The platform of those who write over the API."""
DEFAULT_AGENT = "default"
"""The command bot that answers there, unless an agent in the database is called so."""
BotAddress = tuple[str, str]
"""A platform and the agent on it, such as ("discord", "default")."""


class ChatAddress(NamedTuple):
    """Where a person is reached: the platform, the agent there, and their account."""

    platform: str
    agent: str
    account_id: str


def bot_at(address: BotAddress) -> str:
    """Return the name by which a bot is the sender of deliveries: "discord/default"."""
    return "/".join(address)


NAME_LENGTH = 64
UNREADABLE = "unreadable"


class Definition(TypeDecorator[dict[str, Any]]):
    """A JSON object. What somebody has made of it by hand that is none harms no other row.

    It is read as one with the key UNREADABLE, which no agent takes: so that one does not run.
    """

    impl = JSON
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # noqa: ANN401
        """Return what reads a value of the database's."""
        inner = super().result_processor(dialect, coltype)

        def read(value: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever the driver has
            try:
                found = inner(value) if inner else value
            except ValueError:
                found = None
            return found if isinstance(found, dict) else {UNREADABLE: True}

        return read


agents = Table(
    "agents",
    metadata,
    id_column(),
    Column("name", String(NAME_LENGTH), nullable=False, unique=True),
    Column("type", String(NAME_LENGTH), nullable=False),
    Column("enabled", Boolean(), nullable=False, default=True, server_default=text("true")),
    # One of the two: the token, sealed, or env:NAME.
    Column("token", Text()),
    Column("token_ref", String(255), unique=True),
    # Equal for tokens of one bot, so that no two agents have it: see config/sealing.py.
    Column("token_fingerprint", String(64), unique=True),
    Column("answers", Definition(), nullable=False),  # when it answers
    Column("settings", Definition(), nullable=False),  # those of its type
    Column("memory_days", Integer()),  # None: MEMORY_RETENTION_DAYS; 0: no end
    Column("revision", Integer(), nullable=False, default=1, server_default="1"),
    created_at_column(),
    Column("updated_at", Moment(), nullable=False, default=utc_now, server_default=func.now()),
)

# The bot processes that are alive: see core/agents/leases.py.
bot_processes = Table(
    "bot_processes",
    metadata,
    Column("process", String(128), primary_key=True),
    Column("beat", Uuid(), nullable=False),  # another one each time that it is heard of
    Column("capacity", Integer(), nullable=False),
    Column("seen_at", Moment(), nullable=False, default=utc_now, server_default=func.now()),
)

# Who runs which agent, and how it is doing. No foreign key: the environment's agent has no row, and
# an agent that was removed has a holder until it has stopped.
agent_leases = Table(
    "agent_leases",
    metadata,
    Column("agent", String(NAME_LENGTH), primary_key=True),
    Column(
        "holder",
        String(128),
        ForeignKey("bot_processes.process", ondelete="SET NULL"),
        index=True,
    ),
    Column("state", String(32)),
    Column("since", Moment()),
    Column("guilds", Integer()),
    Column("latency_ms", Double()),
    Column("error", String(500)),
    Column("revision", Integer()),  # the one that it runs with
    Column("messages_per_minute", Integer()),  # that it answered
)

# What administrators try before they save it: see core/web_chats/trials.py.
agent_trials = Table(
    "agent_trials",
    metadata,
    Column("user_uuid", Uuid(), ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("type", String(NAME_LENGTH), nullable=False),
    Column("answers", Definition(), nullable=False),
    Column("settings", Definition(), nullable=False),
    Column("begun_at", Moment(), nullable=False),
    Column("used_at", Moment(), nullable=False),
)

# The last warnings and errors of the bot's processes: see core/agents/activity.py.
agent_log = Table(
    "agent_log",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("agent", String(NAME_LENGTH), nullable=False),  # "-": of none
    Column("at", Moment(), nullable=False),
    Column("level", String(16), nullable=False),  # WARNING, ERROR, CRITICAL
    Column("message", String(300), nullable=False),
    Index("ix_agent_log_agent_id", "agent", "id"),
)


def _address() -> tuple[Column[Any], ...]:
    """Return the columns that say who spoke with which agent."""
    return (
        Column("agent", String(NAME_LENGTH), nullable=False),
        Column("platform", String(32), nullable=False),
        Column("account_id", String(64), nullable=False),
    )


def _person() -> Column[Any]:
    """Return the user that the account belonged to, where it was somebody's."""
    return Column("user_uuid", Uuid(), ForeignKey("users.id", ondelete="CASCADE"), index=True)


def _direct() -> Column[Any]:
    """Return whether it comes from direct messages, where nobody else reads along."""
    return Column("direct", Boolean(), nullable=False, default=True, server_default=text("true"))


# What was said to agents and by them: see core/agents/memory.py.
agent_turns = Table(
    "agent_turns",
    metadata,
    # Counts up, so that turns of the same moment keep their order.
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    *_address(),
    _person(),
    _direct(),
    Column("role", String(16), nullable=False),  # user, assistant
    Column("content", Text(), nullable=False),
    Column("at", Moment(), nullable=False, default=utc_now, server_default=func.now()),
    Index("ix_agent_turns_account_id_agent_platform_id", "account_id", "agent", "platform", "id"),
    Index("ix_agent_turns_agent_at", "agent", "at"),
)

agent_summaries = Table(
    "agent_summaries",
    metadata,
    id_column(),
    *_address(),
    _person(),
    _direct(),
    Column("content", Text(), nullable=False),
    Column("at", Moment(), nullable=False, default=utc_now, server_default=func.now()),
    Index("ix_agent_summaries_account_id_agent_platform", "account_id", "agent", "platform"),
)

# What an agent looks things up in: see core/agents/knowledge.py.
agent_documents = Table(
    "agent_documents",
    metadata,
    id_column(),
    Column("agent_id", Uuid(), ForeignKey("agents.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("characters", Integer(), nullable=False),
    Column("added_at", Moment(), nullable=False, default=utc_now, server_default=func.now()),
    UniqueConstraint("agent_id", "name"),
)

agent_passages = Table(
    "agent_passages",
    metadata,
    id_column(),
    Column(
        "document_id", Uuid(), ForeignKey("agent_documents.id", ondelete="CASCADE"), nullable=False
    ),
    Column("number", Integer(), nullable=False),
    Column("place", String(200), nullable=False),  # a heading, or a page
    Column("content", Text(), nullable=False),
    UniqueConstraint("document_id", "number"),
)

# Which of an agent's models a person has chosen.
agent_models = Table(
    "agent_models",
    metadata,
    *_address(),
    _person(),
    Column("model", String(100), nullable=False),
    PrimaryKeyConstraint("account_id", "agent", "platform"),
)

# How often an agent has forgotten a person, so that nothing from before is added afterwards.
agent_forgets = Table(
    "agent_forgets",
    metadata,
    *_address(),
    Column("times", Integer(), nullable=False),
    Column("at", Moment(), nullable=False, default=utc_now, server_default=func.now()),
    PrimaryKeyConstraint("account_id", "agent", "platform"),
)
