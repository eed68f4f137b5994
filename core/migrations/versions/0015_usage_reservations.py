"""What requests to models that are under way may still cost."""

import sqlalchemy as sa
from alembic import op

from core import tables

revision = "0015"
down_revision = "0014"
compatible = True


def upgrade() -> None:
    op.create_table(
        "usage_reservations",
        sa.Column("id", sa.Uuid(), server_default=tables.new_uuid(), nullable=False),
        sa.Column("person", sa.String(length=128), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", tables.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_reservations")),
    )
    for name in ("person", "agent", "expires_at"):
        op.create_index(op.f(f"ix_usage_reservations_{name}"), "usage_reservations", [name])
