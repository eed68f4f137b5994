"""To-dos in named lists: owned resources, with hand-written routes beside them.

A task with a due time has a reminder, which is set, moved and dropped in the same transaction.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import sqlalchemy as sa
from apiflask import APIBlueprint, APIFlask
from pydantic import AfterValidator, BaseModel, Field, StrictBool, StringConstraints

from api.http.context import time_now
from api.http.security import caller
from api.models import Body, Change, Name, Page, PointInTime, Success, list_of, optional, storable
from api.resources import OwnedResource, Row, mine
from api.sharing import SharedResource
from core import postgres
from core.db.engine import transaction
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.reminders import (
    cancel_reminder,
    cancel_reminders,
    find_reminder,
    find_reminders,
    set_reminder,
)
from core.reminders.recurrence import check_rule
from core.reminders.repeating import current_time, set_done, set_undone
from core.tables import (
    Moment,
    created_at_column,
    id_column,
    members_table,
    metadata,
    owner_column,
)

DEFAULT_LIST = "tasks"
READ_ONLY = "This list is shared with you to look at: only editors may change it."
MAX_NAME = 10_000

task_lists = sa.Table(
    "task_lists",
    metadata,
    id_column(),
    owner_column(),
    sa.Column("name", sa.String(255), nullable=False),
    created_at_column(),
    sa.UniqueConstraint("user_uuid", "name"),
)

list_members = members_table(task_lists)

tasks = sa.Table(
    "tasks",
    metadata,
    id_column(),
    owner_column(),
    sa.Column(
        "list_id",
        sa.Uuid(),
        sa.ForeignKey("task_lists.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("name", sa.Text(), nullable=False),
    sa.Column("due_at", Moment()),  # of one that repeats, its reminder knows better
    sa.Column("repeat", sa.String(255)),  # the rule (RFC 5545)
    sa.Column("done", sa.Boolean(), nullable=False, default=False, server_default=sa.text("false")),
    sa.Column("completed_at", Moment()),
    created_at_column(),
)


TaskName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME),
    AfterValidator(storable),
]


Rule = Annotated[str, AfterValidator(check_rule)]
"""How a task repeats from its due time on: RFC 5545, such as FREQ=WEEKLY;BYDAY=MO,FR."""

WallTime = Annotated[
    str,
    StringConstraints(pattern="^(19[7-9]|[2-9][0-9]{2})[0-9]-[0-9]{2}-[0-9]{2}T[0-9:]{8}$"),
    AfterValidator(lambda text: datetime.fromisoformat(text).isoformat()),
]
"""A time on a person's own clock, such as 2030-03-31T02:30:00."""


class TaskIn(Body):
    """A new task; its list is made where there is none of that name."""

    name: TaskName
    list: Name = DEFAULT_LIST
    due_at: PointInTime | None = None
    repeat: Rule | None = None
    repeat_from: WallTime | None = None


class TaskChange(Change):
    """What to change about a task; a `due_at` of null removes the due time, and the repetition.

    A `due_at` without `repeat` moves one time of a task that repeats; the others stay. `done` is
    for one time, `occurrence`, so that the same request twice changes nothing more; left out, it is
    the task's current `occurrence`. One that is not due yet is skipped. `repeat_from` is the time
    on your own clock from which `repeat` counts, where that is not `due_at`: as on a day on which
    the clocks skip it.
    """

    name: TaskName = optional()
    list: Name = optional()
    due_at: PointInTime | None = None
    repeat: Rule | None = None
    repeat_from: WallTime | None = None
    done: StrictBool = optional()
    occurrence: PointInTime = optional()


class TaskOut(BaseModel):
    """A task. `occurrence` is the due time of one that repeats that `done` is for now."""

    id: UUID
    name: str
    list: str
    list_id: UUID
    due_at: datetime | None
    repeat: str | None
    repeat_from: str | None
    occurrence: datetime | None
    done: bool
    completed_at: datetime | None
    created_at: datetime
    owner: str | None = Field(description="Who put it on a list that you share; null: you.")


class TaskFilter(Page):
    """Which tasks are wanted."""

    list: Name | None = None
    done: Literal["false", "true", "all"] = "false"


class ListIn(Body):
    """A new list."""

    name: Name


class ListOut(BaseModel):
    """A list, and how many of its tasks are open and done."""

    id: UUID
    name: str
    open: int = 0
    done: int = 0
    owner: str | None = Field(None, description="Whose list it is; null: yours.")
    shared: bool = Field(False, description="Whether others see it too.")


class Deleted(BaseModel):
    """How many went."""

    deleted: int


routes = APIBlueprint("tasks", __name__, url_prefix="/api")
own_lists = SharedResource(
    task_lists, members=list_members, read=ListOut, create=ListIn, update=ListIn
)
own_tasks = OwnedResource(
    tasks,
    read=TaskOut,
    create=TaskIn,
    update=TaskChange,
    within=(own_lists, "list_id"),
    on_handover=lambda rows, member: cancel_reminders(
        member, [_subject(row["id"]) for row in rows]
    ),
)


@routes.get("/tasks")
@routes.input(TaskFilter, location="query", arg_name="wanted")
@routes.output(list_of(TaskOut))
def index(wanted: TaskFilter) -> list[Row]:
    """List your tasks and those on lists that you share, oldest first.

    The open ones, unless `done` is true or all.
    """
    where: Row = {} if wanted.done == "all" else {"done": wanted.done == "true"}
    if wanted.list is not None:
        found = _find_list(wanted.list)
        if found is not None:
            where["list_id"] = found["id"]
        elif wanted.list.casefold() == DEFAULT_LIST:  # it is made with its first task
            return []
        else:
            raise NotFound(f"You have no list called {wanted.list!r}.")
    return _shown(own_tasks.select(wanted, **where))


@routes.post("/tasks")
@routes.input(TaskIn, arg_name="body")
@routes.output(TaskOut, 201)
def add(body: TaskIn) -> Row:
    """Add a task. A due time sets a reminder, which goes to the chat that the token belongs to."""
    _check_repeats(body.repeat, body.due_at, body.repeat_from)
    given = {"name": body.name, "due_at": body.due_at, "repeat": body.repeat}
    with transaction(savepoint=False):
        home = _list_named(body.list)
        if not _may_change(home):
            raise Forbidden(READ_ONLY)
        row = own_tasks.create(given | {"list_id": home["id"]})
        if row["due_at"] is not None:
            _remind(row, body.repeat_from)
        return _shown([row], {home["id"]: home["name"]})[0]


@routes.get("/tasks/<uuid:task_id>")
@routes.output(TaskOut)
def show(task_id: UUID) -> Row:
    """Read one of your tasks."""
    return _with_list(own_tasks.read(task_id))


@routes.put("/tasks/<uuid:task_id>")
@routes.input(TaskChange, arg_name="body")
@routes.output(TaskOut)
def change(task_id: UUID, body: TaskChange) -> Row:
    """Change the fields that you send: rename, move, complete, put off. The reminder follows."""
    changes = body.given()
    occurrence, starts = changes.pop("occurrence", None), changes.pop("repeat_from", None)
    with transaction():
        # The reminder first, as the scheduler locks it; it is of whoever made the task.
        owner = own_tasks.read(task_id)["user_uuid"]
        reminder = find_reminder(owner, _subject(task_id))
        before = _scheduled(own_tasks.read(task_id), reminder)
        if "list" in changes:
            changes["list_id"] = _home_for(before, changes.pop("list"))
        if "due_at" in changes and changes["due_at"] is None:
            changes["repeat"] = None
        rule, due_at = ((before | changes)[name] for name in ("repeat", "due_at"))
        _check_repeats(rule, due_at, starts)
        moved = starts is not None or any(
            name in changes and changes[name] != before[name] for name in ("due_at", "repeat")
        )
        if "done" in changes and rule and reminder is not None and reminder["rule"]:
            reminder = _set_done(changes, occurrence, before)
            changes = {"due_at": reminder["due_at"]} | changes
        elif changes.get("done", before["done"]) != before["done"]:
            changes["completed_at"] = time_now() if changes["done"] else None
        after = own_tasks.update(task_id, {"due_at": before["due_at"]} | changes)
        if after["repeat"] and reminder is not None and not moved:
            _rename(after, reminder)
        elif (
            after["done"] or moved or (after["due_at"] is not None and after["due_at"] > time_now())
        ):
            # A reminder that went out is not sent again because its task was renamed.
            if reminder is not None and "repeat" not in changes:
                starts = starts or reminder["starts"]
            _remind(after, starts, reminder)
        return _with_list(after)


@routes.delete("/tasks/<uuid:task_id>")
@routes.output(Success)
def remove(task_id: UUID) -> Success:
    """Delete one of your tasks, and its reminder."""
    with transaction():
        cancel_reminder(own_tasks.read(task_id)["user_uuid"], _subject(task_id))
        own_tasks.delete(task_id)
    return Success()


@routes.get("/lists")
@routes.output(list_of(ListOut))
def index_lists() -> list[Row]:
    """List your lists and those that you share, with how many tasks are open and done in each."""
    shared = own_lists.shared()
    open_, done = (sa.func.count(sa.case((tasks.c.done.is_(state), 1))) for state in (False, True))
    query = (
        sa.select(task_lists, open_.label("open"), done.label("done"))
        .outerjoin(tasks, tasks.c.list_id == task_lists.c.id)
        .where(sa.or_(task_lists.c.user_uuid == caller().user_uuid, task_lists.c.id.in_(shared)))
        .group_by(task_lists.c.id)
        .order_by(task_lists.c.created_at, task_lists.c.id)
    )
    with transaction(read_only=True) as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    owners = own_lists.owners(rows)
    return [
        row | {"owner": owners.get(row["user_uuid"]), "shared": row["id"] in shared} for row in rows
    ]


@routes.post("/lists")
@routes.input(ListIn, arg_name="body")
@routes.output(ListOut, 201)
@routes.doc(responses={409: "You have a list of this name."})
def add_list(body: ListIn) -> Row:
    """Make an empty list."""
    with transaction():
        _lock_lists()
        if _own_list(body.name):
            raise Conflict(f"You have a list called {body.name!r} already.")
        return own_lists.create(body.given())


@routes.put("/lists/<uuid:list_id>")
@routes.input(ListIn, arg_name="body")
@routes.output(ListOut)
@routes.doc(responses={409: "You have a list of this name."})
def rename_list(list_id: UUID, body: ListIn) -> Row:
    """Rename a list."""
    with transaction():
        _lock_lists()
        other = _own_list(body.name)
        if other and other["id"] != list_id:
            raise Conflict(f"You have a list called {body.name!r} already.")
        return own_lists.update(list_id, body.given())


@routes.delete("/lists/<uuid:list_id>")
@routes.output(Success)
def remove_list(list_id: UUID) -> Success:
    """Delete one of your lists, with its tasks and their reminders."""
    with transaction():
        if postgres.exists("task_lists", {"id": list_id} | mine()):
            _cancel_reminders_of(list_id)
        own_lists.delete(list_id)
    return Success()


@routes.delete("/lists/<uuid:list_id>/tasks")
@routes.output(Deleted)
def empty_list(list_id: UUID) -> Deleted:
    """Delete every task of one of your lists, and their reminders; the list stays."""
    with transaction() as connection:
        own_lists.read(list_id)
        if not own_lists.may_change(list_id):
            raise Forbidden(READ_ONLY)
        _cancel_reminders_of(list_id)
        gone = connection.execute(sa.delete(tasks).where(tasks.c.list_id == list_id))
    return Deleted(deleted=gone.rowcount)


def _own_list(name: str) -> Row | None:
    """Return the caller's own list of this name, however it is capitalised, or None."""
    wanted = name.casefold()
    everything = postgres.select("task_lists", mine())
    return next((row for row in everything if row["name"].casefold() == wanted), None)


def _find_list(name: str) -> Row | None:
    """Return the caller's list of this name, else the one that they share, or None.

    One of somebody else's is also found as "bob's shopping", and as that alone where it has the
    default name: what people put on their tasks stays theirs. Raises Conflict where several are.
    """
    found = _own_list(name)
    if found or name.casefold() == DEFAULT_LIST:
        return found
    ids = own_lists.shared()
    rows = postgres.select("task_lists", {"id": ("IN", ids)}) if ids else []
    owners = own_lists.owners(rows)
    theirs = [
        (row, f"{owners[row['user_uuid']]}'s {row['name']}")
        for row in rows
        if row["user_uuid"] in owners
    ]
    wanted = name.casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    named = [
        (row, full)
        for row, full in theirs
        if wanted == full.casefold() or wanted == row["name"].casefold() != DEFAULT_LIST
    ]
    if len(named) > 1:
        raise Conflict(f"Which one: {' or '.join(full for _, full in named)}?")
    return named[0][0] if named else None


def _may_change(home: Row) -> bool:
    return home["user_uuid"] == caller().user_uuid or own_lists.may_change(home["id"])


def _home_for(task: Row, name: str) -> UUID:
    """Return the id of the list that a task moves to; nobody's task is moved out of their sight."""
    home = _list_named(name)
    if not _may_change(home):
        raise Forbidden(READ_ONLY)
    if home["id"] != task["list_id"] and task["user_uuid"] != caller().user_uuid:
        raise Forbidden("Only who put it on this list can move it to another one.")
    return UUID(str(home["id"]))


def _list_named(name: str) -> Row:
    """Return the caller's list of this name, made where there is none; inside a transaction."""
    found = _find_list(name)
    if found is None:
        _lock_lists()
        found = _own_list(name) or own_lists.create({"name": name})
    return found


def _lock_lists() -> None:
    """Let no other request make a list of the caller's until the end of the transaction."""
    postgres.select("users", {"id": caller().user_uuid}, columns=["id"], lock="update")


def _shown(rows: list[Row], names: dict[UUID, str] | None = None) -> list[Row]:
    """Add lists' names and what reminders know; a list that is gone took its tasks."""
    if names is None:
        ids = list({row["list_id"] for row in rows})
        homes = postgres.select("task_lists", {"id": ("IN", ids)}) if ids else []
        names = {home["id"]: home["name"] for home in homes}
    owners = own_lists.owners(rows)
    found: dict[str, Row] = {}
    for user_uuid in {row["user_uuid"] for row in rows if row["repeat"]}:
        theirs = [
            _subject(row["id"]) for row in rows if row["repeat"] and row["user_uuid"] == user_uuid
        ]
        found |= find_reminders(user_uuid, theirs)
    return [
        _scheduled(row, found.get(_subject(row["id"])))
        | {"list": names[row["list_id"]], "owner": owners.get(row["user_uuid"])}
        for row in rows
        if row["list_id"] in names
    ]


def _scheduled(row: Row, reminder: Row | None) -> Row:
    """Add to a task what its reminder knows of the times, where it repeats."""
    if not row["repeat"] or reminder is None or not reminder["rule"]:
        return row | {"repeat_from": None, "occurrence": None}
    times = {"due_at": reminder["due_at"], "occurrence": current_time(reminder)}
    return row | times | {"repeat_from": reminder["starts"]}


def _with_list(row: Row) -> Row:
    if found := _shown([row]):
        return found[0]
    raise NotFound


def _set_done(changes: Row, occurrence: datetime | None, before: Row) -> Row:
    """Tick off one time of a task that repeats, or not; its row is done after the last one."""
    user_uuid, subject = before["user_uuid"], _subject(before["id"])
    if not changes["done"]:
        changes["completed_at"] = None
        return dict(set_undone(user_uuid, subject, occurrence))
    reminder = set_done(user_uuid, subject, occurrence, time_now())
    changes["done"] = reminder["fired_at"] is not None
    changes["completed_at"] = time_now()
    return dict(reminder)


def _remind(task: Row, starts: str | None = None, before: Row | None = None) -> None:
    """Set, move or drop the reminder of a task, as it now is; `starts` keeps its rule's count.

    It goes to whoever made the task: where that is somebody else, to the chat that it went to.
    """
    user_uuid, subject = task["user_uuid"], _subject(task["id"])
    chat = caller().chat_account_id
    if user_uuid != caller().user_uuid:
        chat = before["chat_account_id"] if before else None
    if task["due_at"] is None or task["done"]:
        cancel_reminder(user_uuid, subject)
    else:
        set_reminder(
            user_uuid,
            subject,
            _text(task),
            task["due_at"],
            chat,
            rule=task["repeat"],
            starts=starts,
        )


def _rename(task: Row, reminder: Row) -> None:
    """Have the reminder of a task that repeats, and whose times stay, use the task's name."""
    if reminder["text"] != _text(task):
        postgres.update("reminders", {"text": _text(task)}, {"id": reminder["id"]})


def _text(task: Row) -> str:
    return f"Reminder: {task['name']}"


def _check_repeats(rule: str | None, due_at: datetime | None, starts: str | None) -> None:
    if rule and due_at is None:
        raise InvalidInput("A task that repeats needs a due_at: the first time.")
    if starts and not rule:
        raise InvalidInput("repeat_from is for a task that repeats.")


def _cancel_reminders_of(list_id: UUID) -> None:
    subjects: dict[UUID, list[str]] = {}
    for row in postgres.select("tasks", {"list_id": list_id}, columns=["id", "user_uuid"]):
        subjects.setdefault(row["user_uuid"], []).append(_subject(row["id"]))
    for user_uuid, theirs in subjects.items():
        cancel_reminders(user_uuid, theirs)


def _subject(task_id: UUID) -> str:
    return f"tasks:{task_id}"


def register(app: APIFlask) -> None:
    """Add the routes of tasks and lists."""
    app.register_blueprint(routes)
    own_lists.register_members(app, "/api/lists")
