"""What a delivery is about, so that a person can act on it where it arrives."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("subject", sa.String(length=255), nullable=True))
