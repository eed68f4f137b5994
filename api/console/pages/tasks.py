"""Tasks and reminders by day, and their lists. Times are said in words, as to the bot."""

from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from flask import request
from werkzeug.wrappers import Response

from ai.times.recurrence import is_recurring, resolve_recurring
from ai.times.resolve import UnclearTime, resolve
from ai.times.wording import repeats
from api.console.client import Refused, Row, fetch, fetch_page
from api.console.page import Page, done, failed, local_time, show, user_zone
from api.http.context import time_now

AT_ONCE = 1000  # tasks that the API gives at once
MAX_SORTED = 5000  # by their due times: the oldest, so what is due today may be beyond
PER_PAGE = 25
TIMES = ("due_at", "repeat", "repeat_from")
SNOOZE = (("10 min", "in 10 minutes"), ("1 h", "in 1 hour"), ("Tomorrow", "tomorrow"))
NEVER = ("never", "no time", "none")

page = Page("tasks", "Tasks", "/tasks", order=20)


class Day(NamedTuple):
    """The tasks of a day, under its title."""

    title: str
    tasks: list[Row]


@page.get("")
def index() -> str:
    """Show the open tasks by day, or those that are done, of one list or of all."""
    return _index()


@page.post("")
def add() -> Response | tuple[str, int]:
    """Add a task."""
    given: Row = {"name": request.form.get("name", "")}
    if request.form.get("list", "").strip():
        given["list"] = request.form["list"]
    try:
        given |= _times(request.form.get("when", ""))
        task = fetch("POST", "/api/tasks", given)
    except (Refused, UnclearTime) as error:
        return _index(str(error)), getattr(error, "status", 400)
    undo = ("DELETE", _path(task["id"]), None)
    return done(f"Added {_named(task)}{_when(task)}.", "tasks.index", undo=undo)


@page.get("/<uuid:task_id>")
def edit(task_id: UUID) -> str:
    """Show a task, to be changed."""
    return _edit(fetch("GET", _path(task_id)))


@page.post("/<uuid:task_id>")
def change(task_id: UUID) -> Response | tuple[str, int]:
    """Rename, move or reschedule a task."""
    task = fetch("GET", _path(task_id))
    given = {name: request.form[name] for name in ("name", "list") if name in request.form}
    changes: Row = {name: value for name, value in given.items() if value.strip() != task[name]}
    try:
        changes |= _times(request.form.get("when", ""))
        if not changes:
            return failed("Nothing was changed.", "tasks.index")
        after = fetch("PUT", _path(task_id), changes)
    except (Refused, UnclearTime) as error:
        return _edit(task | given, str(error)), getattr(error, "status", 400)
    return _done(task, f"Changed {_named(after)}{_when(after)}.", changes)


@page.post("/<uuid:task_id>/done")
def set_done(task_id: UUID) -> Response:
    """Tick a task off; of one that repeats, the time that was shown."""
    task = fetch("GET", _path(task_id))
    which = {"occurrence": request.form["occurrence"]} if request.form.get("occurrence") else {}
    after = fetch("PUT", _path(task_id), {"done": True, **which})
    told = "Done" if after["done"] else "Done for this time"
    undo = ("PUT", _path(task_id), {"done": False, **which})
    return done(f"{told}: {_named(task)}.", "tasks.index", undo=undo)


@page.post("/<uuid:task_id>/undone")
def set_undone(task_id: UUID) -> Response:
    """Take a tick back."""
    task = fetch("PUT", _path(task_id), {"done": False})
    undo = ("PUT", _path(task_id), {"done": True})
    return done(f"{_named(task)} is to do again.", "tasks.index", undo=undo)


@page.post("/<uuid:task_id>/snooze")
def snooze(task_id: UUID) -> Response:
    """Put a task off; of one that repeats, this time only."""
    task = fetch("GET", _path(task_id))
    try:
        at = resolve(request.form.get("until", ""), user_zone(), time_now())
    except UnclearTime as error:
        return failed(str(error), "tasks.index")
    changes = {"due_at": at.isoformat()}
    after = fetch("PUT", _path(task_id), changes)
    return _done(task, f"{_named(after)} is put off{_when(after)}.", changes)


@page.post("/<uuid:task_id>/delete")
def delete(task_id: UUID) -> Response:
    """Delete a task, with its reminder."""
    task = fetch("GET", _path(task_id))
    fetch("DELETE", _path(task_id))
    again = {"name": task["name"], "list": task["list"]}
    if task["due_at"] and datetime.fromisoformat(task["due_at"]) > time_now():
        again |= {name: task[name] for name in TIMES if task[name] is not None}
    undo = ("POST", "/api/tasks", again)
    return done(f"Deleted {_named(task)}.", "tasks.index", undo=undo)


@page.get("/lists")
def lists() -> str:
    """Show the lists."""
    return _lists()


@page.post("/lists")
def add_list() -> Response | tuple[str, int]:
    """Make an empty list."""
    try:
        made = fetch("POST", "/api/lists", {"name": request.form.get("name", "")})
    except Refused as error:
        return _lists(str(error)), error.status
    undo = ("DELETE", f"/api/lists/{made['id']}", None)
    return done(f"Made the list {_named(made)}.", "tasks.lists", undo=undo)


@page.post("/lists/<uuid:list_id>")
def rename_list(list_id: UUID) -> Response | tuple[str, int]:
    """Rename a list."""
    path = f"/api/lists/{list_id}"
    before = next((one for one in fetch("GET", "/api/lists") if one["id"] == str(list_id)), None)
    try:
        made = fetch("PUT", path, {"name": request.form.get("name", "")})
    except Refused as error:
        return _lists(str(error)), error.status
    undo = ("PUT", path, {"name": before["name"]}) if before else None
    return done(f"The list is called {_named(made)} now.", "tasks.lists", undo=undo)


@page.post("/lists/<uuid:list_id>/delete")
def delete_list(list_id: UUID) -> Response:
    """Delete a list, with its tasks."""
    fetch("DELETE", f"/api/lists/{list_id}")
    return done("The list and its tasks are deleted.", "tasks.lists")


def _index(error: str = "") -> str:
    wanted = _where()
    is_done = wanted.get("done") == "true"
    query = {"list": wanted.get("list"), "done": "true" if is_done else None}
    rows, more = fetch_page("/api/tasks", limit=AT_ONCE, **query)
    while more and len(rows) < MAX_SORTED:
        some, more = fetch_page("/api/tasks", limit=AT_ONCE, cursor=more, **query)
        rows += some
    rows.sort(key=lambda row: (row["completed_at" if is_done else "due_at"] is None, _moment(row)))
    if is_done:
        rows.reverse()
    part, paging = _part(rows)
    days = [Day("Done", part)] if is_done and part else _by_day(part)
    return show(
        "pages/tasks.html",
        days=days,
        lists=fetch("GET", "/api/lists"),
        wanted=wanted,
        is_done=is_done,
        error=error,
        filled=request.form if error else {},
        **paging,
        has_more=more,
        amount=len(rows),
        snooze=SNOOZE,
        repeats=repeats,
        named=_named,
    )


def _edit(task: Row, error: str = "") -> str:
    return show(
        "pages/tasks.edit.html",
        task=task,
        lists=fetch("GET", "/api/lists"),
        when=_when(task),
        error=error,
        filled=request.form,
    )


def _lists(error: str = "") -> str:
    part, paging = _part(fetch("GET", "/api/lists"))
    return show("pages/tasks.lists.html", lists=part, **paging, error=error)


def _by_day(rows: list[Row]) -> list[Day]:
    """Put tasks, in the order of their due times, under titles."""
    today = time_now().astimezone(user_zone()).date()

    def title(row: Row) -> str:
        local = local_time(row["due_at"])
        if local is None:
            return "Some time"
        days = (local.date() - today).days
        if days < 0 or (days == 0 and local <= time_now()):
            return "Due"
        return {0: "Today", 1: "Tomorrow"}.get(days, f"{local:%A} {local.day} {local:%B %Y}")

    return [Day(words, list(some)) for words, some in groupby(rows, title)]


def _times(words: str) -> Row:
    """Return what the API is told of a time in words; nothing of none. Raises UnclearTime."""
    words = words.strip()
    if not words:
        return {}
    if words.casefold() in NEVER:
        return {"due_at": None}
    if not is_recurring(words):
        return {"due_at": resolve(words, user_zone(), time_now()).isoformat()}
    found = resolve_recurring(words, user_zone(), time_now())
    series = {"repeat_from": found.starts} if found.starts else {}
    return {"due_at": found.at.isoformat(), "repeat": found.rule, **series}


def _done(task: Row, told: str, changes: Row) -> Response:
    undo = ("PUT", _path(task["id"]), {name: task[name] for name in changes})
    return done(told, "tasks.index", undo=undo)


def _where() -> dict[str, Any]:
    """Return which list is shown, as the address or the form says."""
    return {name: request.values[name] for name in ("list", "done") if request.args.get(name)}


def _part(rows: list[Row]) -> tuple[list[Row], dict[str, int | None]]:
    """Return the rows of the page that is asked for, and where those around it start."""
    asked = request.args.get("start", "")
    start = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 7 else 0
    if start >= len(rows):  # the last ones on their page are done
        start = max(0, len(rows) - 1) // PER_PAGE * PER_PAGE
    end = start + PER_PAGE
    before = max(0, start - PER_PAGE) if start else None
    return rows[start:end], {"before": before, "after": end if end < len(rows) else None}


def _moment(row: Row) -> str:
    return str(row["completed_at"] or row["due_at"] or "")


def _named(row: Row) -> str:
    return f"“{row['name'][:60]}”"


def _when(task: Row) -> str:
    """Say when a task is due, and how it comes again."""
    local = local_time(task["due_at"])
    if local is None:
        return ""
    return f" \N{EN DASH} {local:%a} {local.day} {local:%b}, {local:%H:%M}{repeats(task['repeat'])}"


def _path(task_id: object) -> str:
    return f"/api/tasks/{task_id}"
