"""What language models cost for people who are not logged in."""

import sqlalchemy as sa
from alembic import op

from core import tables

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "account_usage",
        sa.Column("id", sa.Uuid(), server_default=tables.new_uuid(), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("requests", sa.Integer(), server_default="0", nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cost", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_usage")),
        sa.UniqueConstraint(
            "account_id",
            "platform",
            "day",
            "agent",
            name=op.f("uq_account_usage_account_id_platform_day_agent"),
        ),
    )
    op.create_index("ix_account_usage_day_agent", "account_usage", ["day", "agent"], unique=False)
