"""The framework's own tables. A domain's tables stand beside its routes, on the same metadata."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement, now

from runtime.clock import utc_now

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """A point in time: aware on the way in and out, kept in UTC, to the microsecond."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:  # noqa: ANN401 - SQLAlchemy's signature
        """Ask MySQL for microseconds, which it drops by default."""
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert a time to UTC; a naive one is taken as UTC."""
        if value is None:
            return None
        value = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give every time its zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class DashedUuid(Uuid[UUID]):
    """A UUID in SQLite, with dashes: a column declared as UUID takes digits for a number."""

    def bind_processor(self, dialect: Dialect) -> Callable[[UUID | None], str | None]:
        """Write it with dashes."""
        return lambda value: None if value is None else str(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], Any]:
        """Read it."""
        return lambda value: None if value is None else UUID(value)


@compiles(Uuid, "sqlite")
def _uuid_sqlite(*_: Any, **__: Any) -> str:  # noqa: ANN401 - SQLAlchemy's signature
    return "CHAR(36)"


class new_uuid(FunctionElement[Any]):  # noqa: N801 - reads as the SQL function it stands for
    """Each database's own way to make a random UUID, so that plain SQL may leave the id out."""

    inherit_cache = True


@compiles(new_uuid, "postgresql")
def _new_uuid_postgresql(*_: Any, **__: Any) -> str:  # noqa: ANN401 - SQLAlchemy's signature
    return "gen_random_uuid()"


@compiles(new_uuid, "sqlite")
def _new_uuid_sqlite(*_: Any, **__: Any) -> str:  # noqa: ANN401 - SQLAlchemy's signature
    return (
        "(lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' "
        "|| substr(hex(randomblob(2)), 2) || '-' || substr('89ab', 1 + (random() & 3), 1) "
        "|| substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))))"
    )


@compiles(new_uuid, "mysql", "mariadb")
def _new_uuid_mysql(*_: Any, **__: Any) -> str:  # noqa: ANN401 - SQLAlchemy's signature
    return "(replace(uuid(), '-', ''))"


@compiles(now, "sqlite")
def _now_sqlite(*_: Any, **__: Any) -> str:  # noqa: ANN401 - SQLAlchemy's signature
    """Write six digits, as SQLAlchemy does: times are texts there, and compared as such."""
    return "(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"


@compiles(now, "mysql", "mariadb")
def _now_mysql(*_: Any, **__: Any) -> str:  # noqa: ANN401 - SQLAlchemy's signature
    """Ask for microseconds, which are dropped by default."""
    return "CURRENT_TIMESTAMP(6)"


def id_column() -> Column[Any]:
    """Return a UUID primary key that is made by itself."""
    return Column(
        "id",
        Uuid(),
        primary_key=True,
        default=uuid4,
        server_default=new_uuid(),
    )


def created_at_column() -> Column[Any]:
    """Return the time at which the row was made."""
    return Column(
        "created_at", Moment(), nullable=False, default=utc_now, server_default=func.now()
    )


def owner_column() -> Column[Any]:
    """Return the user that a row belongs to; the row goes when the user goes."""
    return Column(
        "user_uuid",
        Uuid(),
        ForeignKey("users.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    )


def members_table(table: Table) -> Table:
    """Return the table of the people with whom the owners of a table's rows share them."""
    return Table(
        f"{table.name}_members",
        metadata,
        id_column(),
        Column(
            "row_id", Uuid(), ForeignKey(table.c.id, ondelete="CASCADE"), nullable=False, index=True
        ),
        # Who it is, once they have accepted; until then, whoever has the name that was invited.
        Column("user_uuid", Uuid(), ForeignKey("users.id", ondelete="CASCADE"), index=True),
        Column("username", String(255), nullable=False),
        Column("name_key", String(255), nullable=False, index=True),
        Column("role", String(16), nullable=False),  # editor or viewer
        created_at_column(),
        UniqueConstraint("row_id", "user_uuid"),
        UniqueConstraint("row_id", "name_key"),
    )


def _spent_columns() -> list[Column[Any]]:
    """Return what is spent on models: the day, in UTC, the agent, and the amounts."""
    return [
        Column("day", Date(), nullable=False),
        Column("agent", String(64), nullable=False),
        *_amount_columns(),
    ]


def _amount_columns() -> list[Column[Any]]:
    """Return how much is spent on models."""
    return [
        Column("requests", Integer(), nullable=False, default=0, server_default="0"),
        Column("prompt_tokens", BigInteger(), nullable=False, default=0, server_default="0"),
        Column("completion_tokens", BigInteger(), nullable=False, default=0, server_default="0"),
        Column("cost", Double(), nullable=False, default=0, server_default="0"),  # US dollars
    ]


users = Table(
    "users",
    metadata,
    id_column(),
    Column("username", String(255), nullable=False, unique=True),
    # What names that look alike have in common: see core/usernames.py. Of accounts from before
    # whose names look alike the oldest has it; the others are found by their exact names.
    Column("name_key", String(255), unique=True, index=True),
    Column("password_hashed", LargeBinary(), nullable=False),
    Column("display_name", String(255)),
    Column("time_zone", String(64)),
    # Counted up whenever every token handed out so far must stop working.
    Column("token_version", Integer(), nullable=False, default=0, server_default="0"),
    Column("role", String(16), nullable=False, default="user", server_default="user"),  # or admin
    created_at_column(),
)

# What people mean by phrases of their own, which a yes has taught.
phrases = Table(
    "phrases",
    metadata,
    id_column(),
    owner_column(),
    Column("phrase", String(255), nullable=False),  # as it is compared: no case, no full stop
    Column("orders", Text(), nullable=False),  # JSON
    created_at_column(),
    UniqueConstraint("user_uuid", "phrase"),
)

notifications = Table(
    "notifications",
    metadata,
    id_column(),
    Column(
        "user_uuid",
        Uuid(),
        ForeignKey("users.id", ondelete="CASCADE"),
        nullable=False,
        unique=True,
    ),
    Column("discord_webhook", String(500)),
    Column(
        "discord_enabled", Boolean(), nullable=False, default=False, server_default=text("false")
    ),
    Column("ntfy_topic", String(255)),
    Column("ntfy_enabled", Boolean(), nullable=False, default=False, server_default=text("false")),
    # Times of day in the user's zone, such as 22:00 and 07:00; both or neither.
    Column("quiet_from", String(5)),
    Column("quiet_to", String(5)),
    Column("last_message_sent", Moment()),
    Column(
        "current_notification_status",
        String(50),
        nullable=False,
        default="inactive",
        server_default="inactive",
    ),
    created_at_column(),
    Column(
        "updated_at",
        Moment(),
        nullable=False,
        default=utc_now,
        onupdate=utc_now,
        server_default=func.now(),
    ),
)

# What leads to a user by Apprise: an address for each kind of service.
push_addresses = Table(
    "push_addresses",
    metadata,
    id_column(),
    owner_column(),
    Column("scheme", String(32), nullable=False),  # tgram, slack, mailtos
    Column("url", Text(), nullable=False),  # a secret
    Column("enabled", Boolean(), nullable=False, default=True, server_default=text("true")),
    created_at_column(),
    UniqueConstraint("user_uuid", "scheme"),
)

chat_accounts = Table(
    "chat_accounts",
    metadata,
    id_column(),
    owner_column(),
    Column("platform", String(32), nullable=False),  # discord, console
    Column("agent", String(64), nullable=False),  # the bot that the person talks to
    Column("account_id", String(64), nullable=False),  # the person on that platform
    # A person who logs out keeps the address: reminders set there still arrive there.
    Column("logged_in", Boolean(), nullable=False, default=True, server_default=text("true")),
    created_at_column(),
    Column("last_used_at", Moment(), nullable=False, default=utc_now, server_default=func.now()),
    Column("blocked_at", Moment()),  # since then it takes no messages; until the person writes
    UniqueConstraint("platform", "agent", "account_id", "user_uuid"),
)

# Whom an account of a platform stands for where that platform says who somebody is: SIGN_IN.
identities = Table(
    "identities",
    metadata,
    id_column(),
    Column("platform", String(32), nullable=False),
    Column("account_id", String(64), nullable=False),
    # The user that it has by itself, and the other one that it was linked to since, if any.
    Column("home_uuid", Uuid(), ForeignKey("users.id", ondelete="SET NULL"), index=True),
    Column("linked_uuid", Uuid(), ForeignKey("users.id", ondelete="SET NULL"), index=True),
    created_at_column(),
    UniqueConstraint("platform", "account_id"),
)

# Codes that log in once, without a password: one of each user, kept as a hash.
login_codes = Table(
    "login_codes",
    metadata,
    id_column(),
    owner_column(),
    Column("code_hash", String(64), nullable=False),  # SHA-256, in hexadecimal
    Column("expires_at", Moment(), nullable=False),
    UniqueConstraint("user_uuid"),
    UniqueConstraint("code_hash"),
)

reminders = Table(
    "reminders",
    metadata,
    id_column(),
    owner_column(),
    # What it belongs to, such as "tasks:<id>", so that its domain can move or cancel it.
    Column("subject", String(255), nullable=False),
    Column("text", Text(), nullable=False),
    Column("due_at", Moment(), nullable=False),
    Column("fired_at", Moment()),
    # The chat that the order came from.
    Column("chat_account_id", Uuid(), ForeignKey("chat_accounts.id", ondelete="SET NULL")),
    created_at_column(),
    # One that repeats has a rule (RFC 5545), counted from `starts`: the first time on the
    # person's wall clock, such as 2026-03-02T07:30:00.
    Column("rule", String(255)),
    Column("starts", String(19)),
    Column("last_due_at", Moment()),  # of the time before, which went out
    Column("done_due_at", Moment()),  # the latest due time that was said to be done
    Column("request_id", String(128)),  # the request that set it
    UniqueConstraint("user_uuid", "subject"),
    Index("ix_reminders_fired_at_due_at", "fired_at", "due_at"),
)

deliveries = Table(
    "deliveries",
    metadata,
    id_column(),
    owner_column(),
    Column("channel", String(32), nullable=False),  # chat, discord_webhook, ntfy, or a scheme
    Column("chat_account_id", Uuid(), ForeignKey("chat_accounts.id", ondelete="SET NULL")),
    Column("text", Text(), nullable=False),
    Column("due_at", Moment(), nullable=False),
    # waiting -> sent | dead | held. A claimed row is a waiting one whose lease has not run out; a
    # held one waits until the person writes to the bot again.
    Column("state", String(16), nullable=False, default="waiting", server_default="waiting"),
    Column("attempts", Integer(), nullable=False, default=0, server_default="0"),
    # Of a text longer than the service takes at once: how many parts have arrived.
    Column("parts_sent", Integer(), nullable=False, default=0, server_default="0"),
    Column("next_attempt_at", Moment(), nullable=False),
    Column("lease_id", Uuid()),
    Column("leased_until", Moment()),
    Column("last_error", String(500)),
    Column("settled_at", Moment()),
    created_at_column(),
    Column("subject", String(255)),  # the reminder's, where it came from one
    # Who sends it: the scheduler, or the bot that is at this platform and agent: discord/default.
    Column("sender", String(100), nullable=False, default="scheduler", server_default="scheduler"),
    # Whether it may come in quiet hours, since the person named this very time.
    Column("any_hour", Boolean(), nullable=False, default=False, server_default=text("false")),
    Column("request_id", String(128)),
    Index("ix_deliveries_state_sender_next_attempt_at", "state", "sender", "next_attempt_at"),
    Index("ix_deliveries_state_settled_at", "state", "settled_at"),
)

# When each scheduled job was last started, by whichever daemon came first: see core/job_locks.py.
scheduler_jobs = Table(
    "scheduler_jobs",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("due_at", Moment(), nullable=False),  # the due time that was taken last
    Column("running_until", Moment()),  # while it runs: when it counts as hung
    Column("next_at", Moment()),  # the due time that comes next, as a daemon has last said
)

# The answers to requests that may be sent again: see api/http/idempotency.py.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    id_column(),
    owner_column(),
    Column("idempotency_key", String(255), nullable=False),
    Column("request_hash", String(64), nullable=False),  # SHA-256 of method, path and body
    Column("status", Integer()),
    Column("answer", Text()),
    created_at_column(),
    UniqueConstraint("user_uuid", "idempotency_key"),
    Index("ix_idempotency_keys_created_at", "created_at"),
)

# Where a bot has asked for a secret that may still be typed: see core/accounts/open_secrets.py.
open_secrets = Table(
    "open_secrets",
    metadata,
    id_column(),
    Column("platform", String(32), nullable=False),
    Column("agent", String(64), nullable=False),
    Column("account_id", String(64), nullable=False),
    Column("channel_id", String(64), nullable=False),
    Column("expires_at", Moment(), nullable=False),
    UniqueConstraint("account_id", "channel_id", "platform", "agent"),
    Index("ix_open_secrets_expires_at", "expires_at"),
)

# Conversations over the API: one of each user with each agent. See core/web_chats/.
web_chats = Table(
    "web_chats",
    metadata,
    id_column(),
    owner_column(),
    Column("agent", String(64), nullable=False),
    # Counts the messages and events of this chat, so that their order is that of their commits.
    Column("last_number", BigInteger(), nullable=False, default=0, server_default="0"),
    Column("process", String(128)),  # the bot's process that answers here, for as long as it lives
    created_at_column(),
    UniqueConstraint("user_uuid", "agent"),
    Index("ix_web_chats_agent", "agent"),
)

# What people wrote there and is not answered yet.
web_chat_messages = Table(
    "web_chat_messages",
    metadata,
    id_column(),
    Column("chat_id", Uuid(), ForeignKey("web_chats.id", ondelete="CASCADE"), nullable=False),
    Column("number", BigInteger(), nullable=False),
    Column("content", Text(), nullable=False),  # JSON, sealed: it may hold a secret
    Column("taken_at", Moment()),  # since then the chat's process answers it
    created_at_column(),
    UniqueConstraint("chat_id", "number"),
)

# What the bot said there, and did.
web_chat_events = Table(
    "web_chat_events",
    metadata,
    id_column(),
    Column("chat_id", Uuid(), ForeignKey("web_chats.id", ondelete="CASCADE"), nullable=False),
    Column("number", BigInteger(), nullable=False),
    Column("kind", String(16), nullable=False),  # typing, reply, done, delivery
    Column("key", String(64)),  # a later event of the same key takes its place
    Column("data", Text(), nullable=False),  # JSON
    Column("created_at", Moment(), nullable=False, index=True),
    UniqueConstraint("chat_id", "number"),
    Index("ix_web_chat_events_chat_id_key", "chat_id", "key"),
)

# The bot's processes that answer there.
web_chat_processes = Table(
    "web_chat_processes",
    metadata,
    Column("process", String(128), primary_key=True),
    Column("seen_at", Moment(), nullable=False),
)

# What language models cost: see core/usage/.
model_usage = Table(
    "model_usage",
    metadata,
    id_column(),
    owner_column(),
    *_spent_columns(),
    UniqueConstraint("user_uuid", "day", "agent"),
    Index("ix_model_usage_day_agent", "day", "agent"),
)

# The same by model, over all people and agents; no limit goes by it.
model_costs = Table(
    "model_costs",
    metadata,
    Column("day", Date(), primary_key=True),
    Column("model", String(200), primary_key=True),
    *_amount_columns(),
)

# The same for people who are not logged in: see core/usage/.
account_usage = Table(
    "account_usage",
    metadata,
    id_column(),
    Column("platform", String(32), nullable=False),
    Column("account_id", String(64), nullable=False),
    *_spent_columns(),
    UniqueConstraint("account_id", "platform", "day", "agent"),
    Index("ix_account_usage_day_agent", "day", "agent"),
)

# What requests under way may still come to: see core/usage/reservations.py.
usage_reservations = Table(
    "usage_reservations",
    metadata,
    id_column(),
    Column("person", String(128), nullable=False, index=True),
    Column("agent", String(64), nullable=False, index=True),
    Column("tokens", BigInteger(), nullable=False),
    Column("expires_at", Moment(), nullable=False, index=True),
)
