"""Reminders that come again, who sends a delivery, quiet hours, and jobs that daemons share."""

import sqlalchemy as sa
from alembic import op

from core import tables

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "scheduler_jobs",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("due_at", tables.Moment(), nullable=False),
        sa.Column("running_until", tables.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_scheduler_jobs")),
    )
    op.create_table(
        "push_addresses",
        sa.Column("id", sa.Uuid(), server_default=tables.new_uuid(), nullable=False),
        sa.Column("user_uuid", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.String(length=32), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", tables.Moment(), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_uuid"],
            ["users.id"],
            name=op.f("fk_push_addresses_user_uuid"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_addresses")),
        sa.UniqueConstraint("user_uuid", "scheme", name=op.f("uq_push_addresses_user_uuid_scheme")),
    )
    op.create_index(op.f("ix_push_addresses_user_uuid"), "push_addresses", ["user_uuid"])
    for name in ("quiet_from", "quiet_to"):
        op.add_column("notifications", sa.Column(name, sa.String(length=5)))
    op.add_column("chat_accounts", sa.Column("blocked_at", tables.Moment()))
    op.add_column("tasks", sa.Column("repeat", sa.String(length=255)))
    op.add_column("reminders", sa.Column("rule", sa.String(length=255)))
    op.add_column("reminders", sa.Column("starts", sa.String(length=19)))
    op.add_column("reminders", sa.Column("last_due_at", tables.Moment()))
    op.add_column("reminders", sa.Column("request_id", sa.String(length=128)))
    op.add_column(
        "deliveries",
        sa.Column("sender", sa.String(length=100), server_default="scheduler", nullable=False),
    )
    op.add_column(
        "deliveries",
        sa.Column("any_hour", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("deliveries", sa.Column("request_id", sa.String(length=128)))
    _name_the_bots()
    op.drop_index("ix_deliveries_state_channel_next_attempt_at", "deliveries")
    op.create_index(
        "ix_deliveries_state_sender_next_attempt_at",
        "deliveries",
        ["state", "sender", "next_attempt_at"],
    )
    op.create_index("ix_deliveries_state_settled_at", "deliveries", ["state", "settled_at"])


def _name_the_bots() -> None:
    """Say of the messages to chats which bot sends them."""
    deliveries = sa.table(
        "deliveries", sa.column("channel"), sa.column("chat_account_id"), sa.column("sender")
    )
    chats = sa.table(
        "chat_accounts",
        sa.column("id"),
        sa.column("platform", sa.String()),
        sa.column("agent", sa.String()),
    )
    bot = (
        sa.select(chats.c.platform + "/" + chats.c.agent)
        .where(chats.c.id == deliveries.c.chat_account_id)
        .scalar_subquery()
    )
    op.execute(
        deliveries.update()
        .where(deliveries.c.channel == "chat", deliveries.c.chat_account_id.is_not(None))
        .values(sender=bot)
    )
