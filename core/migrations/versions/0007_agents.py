"""Agents, the processes that run them, what they remember, and users' roles."""

import sqlalchemy as sa
from alembic import op

from core import tables

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column(
        "users", sa.Column("role", sa.String(length=16), server_default="user", nullable=False)
    )
    op.create_table(
        "agents",
        sa.Column("id", sa.Uuid(), server_default=tables.new_uuid(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("token_ref", sa.String(length=255), nullable=True),
        sa.Column("token_fingerprint", sa.String(length=64), nullable=True),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("memory_days", sa.Integer(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", tables.Moment(), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", tables.Moment(), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agents")),
        sa.UniqueConstraint("name", name=op.f("uq_agents_name")),
        sa.UniqueConstraint("token_fingerprint", name=op.f("uq_agents_token_fingerprint")),
        sa.UniqueConstraint("token_ref", name=op.f("uq_agents_token_ref")),
    )
    op.create_table(
        "bot_processes",
        sa.Column("process", sa.String(length=128), nullable=False),
        sa.Column("beat", sa.Uuid(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("seen_at", tables.Moment(), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("process", name=op.f("pk_bot_processes")),
    )
    op.create_table(
        "agent_leases",
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=128), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=True),
        sa.Column("since", tables.Moment(), nullable=True),
        sa.Column("guilds", sa.Integer(), nullable=True),
        sa.Column("latency_ms", sa.Double(), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["holder"],
            ["bot_processes.process"],
            name=op.f("fk_agent_leases_holder"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("agent", name=op.f("pk_agent_leases")),
    )
    op.create_index(op.f("ix_agent_leases_holder"), "agent_leases", ["holder"])
    op.create_table(
        "agent_turns",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        *_remembered("agent_turns"),
        sa.Column("role", sa.String(length=16), nullable=False),
    )
    op.create_table(
        "agent_summaries",
        sa.Column("id", sa.Uuid(), server_default=tables.new_uuid(), nullable=False),
        *_remembered("agent_summaries"),
    )
    address = ["account_id", "agent", "platform"]
    op.create_index("ix_agent_turns_account_id_agent_platform_id", "agent_turns", [*address, "id"])
    op.create_index("ix_agent_turns_agent_at", "agent_turns", ["agent", "at"])
    op.create_index("ix_agent_summaries_account_id_agent_platform", "agent_summaries", address)
    for table in ("agent_turns", "agent_summaries"):
        op.create_index(op.f(f"ix_{table}_user_uuid"), table, ["user_uuid"])


def _remembered(table: str) -> list[sa.schema.SchemaItem]:
    """Return what both tables of memory have."""
    return [
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("user_uuid", sa.Uuid(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("at", tables.Moment(), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_uuid"], ["users.id"], name=op.f(f"fk_{table}_user_uuid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    ]
