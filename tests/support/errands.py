"""The tests' own domain, in two halves as all are: what is said of errands, and their rows.

It is there in every test process, so that the tests of the framework need none of the domains that
a project may drop. `tests/conftest.py` adds it.
"""

from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from apiflask import APIFlask
from pydantic import AfterValidator, BaseModel, StrictBool, StringConstraints

from api.http.security import caller
from api.models import Body, Change, PointInTime, optional, storable
from api.resources import OwnedResource
from api.resources import Row as Stored
from bot.api.sessions import UserApi
from bot.framework.context import Context
from bot.framework.fields import About, When
from bot.framework.lookup import Row, pick
from bot.framework.registry import CommandModule
from bot.framework.reminder_buttons import Offer
from bot.markdown import named
from core.db.engine import Database, transaction
from core.reminders import cancel_reminder, set_reminder
from core.tables import Moment, created_at_column, id_column, metadata, owner_column

# What is said


async def _open(api: UserApi) -> list[Row]:
    return await api.get_all("/api/errands", {"done": "false"})


Name = Annotated[str, About("the errand", example="buy milk")]
Open = Annotated[str, About("the errand", example="buy milk", choices_from=_open)]
Due = Annotated[When, About("it due", example="tomorrow at 5pm")]

errands = CommandModule("errand", "Your errands")
errands.offer(
    "errands",
    Offer("Done", "complete", {"name": "{id}"}),
    Offer("Snooze 10 min", "schedule", {"name": "{id}", "due": "in 10 minutes"}),
    Offer("Snooze 1 h", "schedule", {"name": "{id}", "due": "in 1 hour"}),
)


@errands.command(
    "add {name} to my errands",
    "remind me of the errand {name} {due}",
    "{due} remind me of the errand {name}",
    "(add|make) [an|the] [new] errand {name}",
    "(add|make) an errand",
    "new errand {name}",
    "new errand",
)
async def add(ctx: Context, name: Name, due: Due | None = None) -> str:
    """Add an errand, with a reminder when it has a due time."""
    row = await ctx.api.post("/api/errands", {"name": name, "due_at": due})
    ctx.undoable(f"{named(name)} is off your errands again.", partial(ctx.api.delete, _path(row)))
    return f"Added {named(name)}{ctx.when(row['due_at'])}."


@errands.command("(list|show) my errands", "what errands do i have", "my errands")
async def show(ctx: Context) -> str:
    """Show your open errands."""
    rows = await _open(ctx.api)
    ctx.show([row["name"] for row in rows])
    lines = [f"• {named(row['name'])}{ctx.when(row['due_at'])}" for row in rows]
    return "\n".join(["Your errands:", *lines]) if rows else "You have no errands."


@errands.command(
    "complete [the] errand {name}",
    "strike {name}",
    "the errand {name} is done",
    near=("i ran {name}",),
)
async def complete(ctx: Context, name: Open) -> str:
    """Tick an errand off."""
    row = await _find(ctx, name)
    await ctx.api.put(_path(row), {"done": True})
    _let_undo(ctx, row, "is still to do", done=False)
    return f"Done: {named(row['name'])}."


@errands.command("rename [the] errand {name} to {new_name}", "relabel {name} as {new_name}")
async def rename(
    ctx: Context, name: Open, new_name: Annotated[str, About("the new name", example="buy bread")]
) -> str:
    """Give an errand another name."""
    row = await _find(ctx, name)
    await ctx.api.put(_path(row), {"name": new_name})
    _let_undo(ctx, row, "has its old name again", name=row["name"])
    return f"Renamed {named(row['name'])} to {named(new_name)}."


@errands.command("(move|postpone) [the] errand {name} (to|until) {due}")
async def schedule(ctx: Context, name: Open, due: Due) -> str:
    """Set when an errand is due, and the reminder with it."""
    row = await _find(ctx, name)
    after = await ctx.api.put(_path(row), {"due_at": due})
    _let_undo(ctx, row, "is as it was before", due_at=row["due_at"])
    return f"I'll remind you of {named(row['name'])}{ctx.when(after['due_at'])}."


@errands.command(
    "(delete|remove) [the] errand {name}",
    "(delete|remove) {name} from my errands",
    "(delete|remove) an errand",
    "expunge {name}",
    near=("no more need for {name}",),
)
async def delete(ctx: Context, name: Open) -> str:
    """Delete an errand."""
    row = await _find(ctx, name)
    if not await ctx.confirm(f"Delete {named(row['name'])}?", [row["name"]]):
        return "All right, it stays."
    await ctx.api.delete(_path(row))
    again = {"name": row["name"], "due_at": row["due_at"]}
    ctx.undoable(f"{named(row['name'])} is back.", partial(ctx.api.post, "/api/errands", again))
    return f"Deleted {named(row['name'])}."


async def _find(ctx: Context, name: str) -> Row:
    return await pick(ctx, name, await _open(ctx.api), "open errand")


def _path(row: Row) -> str:
    return f"/api/errands/{row['id']}"


def _let_undo(ctx: Context, row: Row, told: str, **before: object) -> None:
    ctx.undoable(f"{named(row['name'])} {told}.", partial(ctx.api.put, _path(row), before))


# Their rows

table = sa.Table(
    "errands",
    metadata,
    id_column(),
    owner_column(),
    sa.Column("name", sa.Text(), nullable=False),
    sa.Column("due_at", Moment()),
    sa.Column("done", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    created_at_column(),
)


ErrandName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000),
    AfterValidator(storable),
]


class ErrandIn(Body):
    """A new errand."""

    name: ErrandName
    due_at: PointInTime | None = None


class ErrandChange(Change):
    """What to change about one; a `due_at` of null removes the reminder."""

    name: ErrandName = optional()
    due_at: PointInTime | None = None
    done: StrictBool = optional()


class ErrandOut(BaseModel):
    """An errand."""

    id: UUID
    name: str
    due_at: datetime | None
    done: bool
    created_at: datetime


class Errands(OwnedResource):
    """Errands, each with a reminder while it is due and not done."""

    def create(self, data: Stored) -> Stored:
        with transaction():
            return _remind(super().create(data))

    def update(self, row_id: UUID, data: Stored) -> Stored:
        with transaction():
            return _remind(super().update(row_id, data))

    def delete(self, row_id: UUID) -> None:
        with transaction():
            cancel_reminder(caller().user_uuid, f"errands:{row_id}")
            super().delete(row_id)


resource = Errands(
    table, read=ErrandOut, create=ErrandIn, update=ErrandChange, filters=("name", "done")
)


def _remind(row: Stored) -> Stored:
    user, subject = caller().user_uuid, f"errands:{row['id']}"
    if row["due_at"] is None or row["done"]:
        cancel_reminder(user, subject)
    else:
        text = f"Reminder: {row['name']}"
        set_reminder(user, subject, text, row["due_at"], caller().chat_account_id)
    return row


def register(app: APIFlask) -> None:
    """Add the routes of errands."""
    resource.register(app, "/api/errands")


def make_table(database: Database) -> None:
    """Make the table in a database that is migrated: no migration does."""
    metadata.create_all(database.engine, [table])
