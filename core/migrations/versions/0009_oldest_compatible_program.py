"""Which programs the database still suits, so that an old one can tell during an update."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
compatible = True


def upgrade() -> None:
    op.add_column("alembic_version", sa.Column("oldest_compatible", sa.String(length=32)))
    op.execute("UPDATE alembic_version SET oldest_compatible = '0008'")
