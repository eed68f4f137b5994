"""What user names that look alike have in common."""

import sqlalchemy as sa
from alembic import op

from core.usernames import name_key

revision = "0016"
down_revision = "0015"
compatible = True
# The rows get a key; the program before leaves it empty, which the unique index allows.
REVIEWED = ("run by hand: get_bind",)

USERS = sa.table("users", *map(sa.column, ("id", "username", "name_key", "created_at")))


def upgrade() -> None:
    op.add_column("users", sa.Column("name_key", sa.String(length=255)))
    connection = op.get_bind()
    taken: set[str] = set()
    names = sa.select(USERS.c.username).order_by(USERS.c.created_at, USERS.c.username)
    for username in connection.scalars(names).all():
        if (key := name_key(username)) not in taken:  # of several the oldest account has it
            taken.add(key)
            change = sa.update(USERS).where(USERS.c.username == username).values(name_key=key)
            connection.execute(change)
    op.create_index(op.f("ix_users_name_key"), "users", ["name_key"], unique=True)
