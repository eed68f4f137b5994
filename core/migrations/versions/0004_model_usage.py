"""What language models cost, by user, agent and day."""

import sqlalchemy as sa
from alembic import op

from core import tables

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "model_usage",
        sa.Column("id", sa.Uuid(), server_default=tables.new_uuid(), nullable=False),
        sa.Column("user_uuid", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("requests", sa.Integer(), server_default="0", nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cost", sa.Double(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["user_uuid"], ["users.id"], name=op.f("fk_model_usage_user_uuid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_usage")),
        sa.UniqueConstraint(
            "user_uuid", "day", "agent", name=op.f("uq_model_usage_user_uuid_day_agent")
        ),
    )
    op.create_index("ix_model_usage_day_agent", "model_usage", ["day", "agent"], unique=False)
    op.create_index(op.f("ix_model_usage_user_uuid"), "model_usage", ["user_uuid"], unique=False)
