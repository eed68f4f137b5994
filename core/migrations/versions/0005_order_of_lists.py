"""Pages of lists by an index, however long they are."""

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = ("examples", "task_lists", "tasks")


def upgrade() -> None:
    for table in TABLES:
        op.create_index(
            op.f(f"ix_{table}_user_uuid_created_at_id"), table, ["user_uuid", "created_at", "id"]
        )
