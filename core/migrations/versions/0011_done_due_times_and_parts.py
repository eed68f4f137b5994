"""Which due time of a reminder is done, and how many parts of a long message have arrived."""

import sqlalchemy as sa
from alembic import op

from core import tables

revision = "0011"
down_revision = "0010"
compatible = True


def upgrade() -> None:
    op.add_column("reminders", sa.Column("done_due_at", tables.Moment(), nullable=True))
    op.add_column(
        "deliveries", sa.Column("parts_sent", sa.Integer(), server_default="0", nullable=False)
    )
