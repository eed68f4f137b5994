"""The first tables."""

import sqlalchemy as sa
from alembic import op

from core import tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), server_default=tables.new_uuid(), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("password_hashed", sa.LargeBinary(), nullable=False),
        sa.Column("display_name", sa.String(length=255), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=True),
        sa.Column("token_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", tables.Moment(), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("username", name=op.f("uq_users_username")),
    )
    op.create_table(
        "chat_accounts",
        sa.Column("id", sa.Uuid(), server_default=tables.new_uuid(), nullable=False),
        sa.Column("user_uuid", sa.Uuid(), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("logged_in", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", tables.Moment(), server_default=sa.func.now(), nullable=False),
        sa.Column("last_used_at", tables.Moment(), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_uuid"], ["users.id"], name=op.f("fk_chat_accounts_user_uuid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_accounts")),
        sa.UniqueConstraint(
            "platform",
            "agent",
            "account_id",
            "user_uuid",
            name=op.f("uq_chat_accounts_platform_agent_account_id_user_uuid"),
        ),
    )
    op.create_index(
        op.f("ix_chat_accounts_user_uuid"), "chat_accounts", ["user_uuid"], unique=False
    )
    op.create_table(
        "examples",
        sa.Column("id", sa.Uuid(), server_default=tables.new_uuid(), nullable=False),
        sa.Column("user_uuid", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created_at", tables.Moment(), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_uuid"], ["users.id"], name=op.f("fk_examples_user_uuid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_examples")),
    )
    op.create_index(op.f("ix_examples_user_uuid"), "examples", ["user_uuid"], unique=False)
    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid(), server_default=tables.new_uuid(), nullable=False),
        sa.Column("user_uuid", sa.Uuid(), nullable=False),
        sa.Column("discord_webhook", sa.String(length=500), nullable=True),
        sa.Column("discord_enabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("ntfy_topic", sa.String(length=255), nullable=True),
        sa.Column("ntfy_enabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("last_message_sent", tables.Moment(), nullable=True),
        sa.Column(
            "current_notification_status",
            sa.String(length=50),
            server_default="inactive",
            nullable=False,
        ),
        sa.Column("created_at", tables.Moment(), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", tables.Moment(), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_uuid"], ["users.id"], name=op.f("fk_notifications_user_uuid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("user_uuid", name=op.f("uq_notifications_user_uuid")),
    )
    op.create_table(
        "task_lists",
        sa.Column("id", sa.Uuid(), server_default=tables.new_uuid(), nullable=False),
        sa.Column("user_uuid", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created_at", tables.Moment(), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_uuid"], ["users.id"], name=op.f("fk_task_lists_user_uuid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_lists")),
        sa.UniqueConstraint("user_uuid", "name", name=op.f("uq_task_lists_user_uuid_name")),
    )
    op.create_index(op.f("ix_task_lists_user_uuid"), "task_lists", ["user_uuid"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(), server_default=tables.new_uuid(), nullable=False),
        sa.Column("user_uuid", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("chat_account_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("due_at", tables.Moment(), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="waiting", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", tables.Moment(), nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("leased_until", tables.Moment(), nullable=True),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        sa.Column("settled_at", tables.Moment(), nullable=True),
        sa.Column("created_at", tables.Moment(), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["chat_account_id"],
            ["chat_accounts.id"],
            name=op.f("fk_deliveries_chat_account_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["user_uuid"], ["users.id"], name=op.f("fk_deliveries_user_uuid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index(
        "ix_deliveries_state_channel_next_attempt_at",
        "deliveries",
        ["state", "channel", "next_attempt_at"],
        unique=False,
    )
    op.create_index(op.f("ix_deliveries_user_uuid"), "deliveries", ["user_uuid"], unique=False)
    op.create_table(
        "reminders",
        sa.Column("id", sa.Uuid(), server_default=tables.new_uuid(), nullable=False),
        sa.Column("user_uuid", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("due_at", tables.Moment(), nullable=False),
        sa.Column("fired_at", tables.Moment(), nullable=True),
        sa.Column("chat_account_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", tables.Moment(), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["chat_account_id"],
            ["chat_accounts.id"],
            name=op.f("fk_reminders_chat_account_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["user_uuid"], ["users.id"], name=op.f("fk_reminders_user_uuid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminders")),
        sa.UniqueConstraint("user_uuid", "subject", name=op.f("uq_reminders_user_uuid_subject")),
    )
    op.create_index(
        "ix_reminders_fired_at_due_at", "reminders", ["fired_at", "due_at"], unique=False
    )
    op.create_index(op.f("ix_reminders_user_uuid"), "reminders", ["user_uuid"], unique=False)
    op.create_table(
        "tasks",
        sa.Column("id", sa.Uuid(), server_default=tables.new_uuid(), nullable=False),
        sa.Column("user_uuid", sa.Uuid(), nullable=False),
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("due_at", tables.Moment(), nullable=True),
        sa.Column("done", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("completed_at", tables.Moment(), nullable=True),
        sa.Column("created_at", tables.Moment(), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"], ["task_lists.id"], name=op.f("fk_tasks_list_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_uuid"], ["users.id"], name=op.f("fk_tasks_user_uuid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
    )
    op.create_index(op.f("ix_tasks_list_id"), "tasks", ["list_id"], unique=False)
    op.create_index(op.f("ix_tasks_user_uuid"), "tasks", ["user_uuid"], unique=False)
