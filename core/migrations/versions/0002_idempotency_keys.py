"""The answers to requests that may be sent again."""

import sqlalchemy as sa
from alembic import op

from core import tables

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("id", sa.Uuid(), server_default=tables.new_uuid(), nullable=False),
        sa.Column("user_uuid", sa.Uuid(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("created_at", tables.Moment(), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_uuid"],
            ["users.id"],
            name=op.f("fk_idempotency_keys_user_uuid"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_keys")),
        sa.UniqueConstraint(
            "user_uuid",
            "idempotency_key",
            name=op.f("uq_idempotency_keys_user_uuid_idempotency_key"),
        ),
    )
    op.create_index(
        "ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], unique=False
    )
    op.create_index(
        op.f("ix_idempotency_keys_user_uuid"), "idempotency_keys", ["user_uuid"], unique=False
    )
