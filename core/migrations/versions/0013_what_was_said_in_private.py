"""Which memories come from direct messages, and how often a person was forgotten."""

import sqlalchemy as sa
from alembic import op

from core import tables

revision = "0013"
down_revision = "0012"
compatible = True


def upgrade() -> None:
    for table in ("agent_turns", "agent_summaries"):
        # What is there already may come from either, so it stays private.
        direct = sa.Column("direct", sa.Boolean(), server_default=sa.text("true"), nullable=False)
        op.add_column(table, direct)
    op.create_table(
        "agent_forgets",
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("at", tables.Moment(), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "agent", "platform", name=op.f("pk_agent_forgets")),
    )
