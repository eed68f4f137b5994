"""Where a bot has asked for a secret that may still be typed."""

import sqlalchemy as sa
from alembic import op

from core import tables

revision = "0010"
down_revision = "0009"
compatible = True


def upgrade() -> None:
    op.create_table(
        "open_secrets",
        sa.Column("id", sa.Uuid(), server_default=tables.new_uuid(), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("channel_id", sa.String(length=64), nullable=False),
        sa.Column("expires_at", tables.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_open_secrets")),
        sa.UniqueConstraint(
            "account_id",
            "channel_id",
            "platform",
            "agent",
            name=op.f("uq_open_secrets_account_id_channel_id_platform_agent"),
        ),
    )
    op.create_index("ix_open_secrets_expires_at", "open_secrets", ["expires_at"], unique=False)
