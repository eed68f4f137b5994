"""The lists that tasks are on."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated

from bot.api.sessions import UserApi
from bot.framework.context import Context, Declined
from bot.framework.fields import About
from bot.framework.lookup import Row, pick
from bot.framework.registry import CommandModule
from bot.markdown import named


async def _lists(api: UserApi) -> list[Row]:
    rows: list[Row] = await api.get("/api/lists")
    return rows


NewName = Annotated[str, About("the list's name", example="shopping")]
ListName = Annotated[str, About("the list's name", example="shopping", choices_from=_lists)]

lists = CommandModule("list", "Your lists")


@lists.command(
    "make a list called {name}",
    "(make|create|start|add) [me] a [new] list (called|named) {name}",
    "(make|create|start|add) [me] a {name} list",
    "(make|create|start|add) [me] a [new] list",
    "new list (called|named) {name}",
    "new list",
    hint="Also: start a list.",
)
async def make(ctx: Context, name: NewName) -> str:
    """Make an empty list."""
    made = await ctx.api.post("/api/lists", {"name": name})
    ctx.undoable(f"{named(made['name'])} is gone again.", partial(_unmake, ctx, made))
    return f"Made the list {named(made['name'])}."


@lists.command(
    "show my lists",
    "(show|list) [me] [all] [of] [my|the] lists",
    "(what|which) lists (do i have|are there)",
    "my lists",
    hint="Also: which lists do I have?",
)
async def show(ctx: Context) -> str:
    """Show your lists, and how much is on them."""
    rows = await ctx.api.get("/api/lists")
    if not rows:
        return "You have no lists yet."
    ctx.show([row["name"] for row in rows])
    return "Your lists:\n" + "\n".join(
        f"• {named(row['name'])}: {row['open']} to do, {row['done']} done" for row in rows
    )


@lists.command(
    "empty my {name} list", "(empty|clear) (my|the) {name} list", hint="Also: clear out."
)
async def empty(ctx: Context, name: ListName) -> str:
    """Delete everything on a list; the list stays."""
    found = await _find(ctx, name)
    if not found["open"] + found["done"]:
        return f"{named(found['name'])} is empty already."
    if not await ctx.confirm(f"Delete {_content(found)} on {named(found['name'])}?"):
        return "All right, nothing was deleted."
    gone = await ctx.api.delete(f"/api/lists/{found['id']}/tasks")
    return f"Deleted {_tasks(gone['deleted'])}. {named(found['name'])} is empty now."


@lists.command(
    "complete everything on my {name} list",
    "(complete|finish|tick off|check off) (everything|all tasks) on (my|the) {name} list",
    "(tick|check) (everything|all tasks) on (my|the) {name} list off",
    "mark (everything|all tasks) on (my|the) {name} list as (done|complete|completed)",
    hint="Also: tick off everything on it.",
)
async def complete_all(ctx: Context, name: ListName) -> AsyncIterator[str]:
    """Tick off everything on a list."""
    found = await _find(ctx, name)
    rows = await ctx.api.get_all("/api/tasks", {"list": found["name"]})
    done: list[Row] = []
    ctx.undoable(f"{named(found['name'])} is as it was before.", partial(_reopen, ctx, done))
    for number, row in enumerate(rows, 1):
        which = {"occurrence": row["occurrence"]} if row["repeat"] else {}
        await ctx.api.put(f"/api/tasks/{row['id']}", {"done": True, **which})
        done.append(row)
        yield f"Done: {number} of {_tasks(len(rows))} on {named(found['name'])} …"
    rest = " There are more on it: tell me again for the next ones." if rows.has_more else ""
    yield f"Done: {_tasks(len(done))} on {named(found['name'])}.{rest}"


@lists.command(
    "delete my {name} list",
    "(delete|remove|get rid of|erase) (my|the) {name} list",
    "(delete|remove) [the|my] list [called|named] {name}",
    hint="Also: get rid of a list.",
    examples=(("get rid of the regatta list", {"name": "regatta"}),),
)
async def delete(ctx: Context, name: ListName) -> str:
    """Delete a list with everything on it."""
    found = await _find(ctx, name)
    if not await ctx.confirm(f"Delete the list {named(found['name'])} with {_content(found)}?"):
        return "All right, it stays."
    await ctx.api.delete(f"/api/lists/{found['id']}")
    return f"Deleted the list {named(found['name'])}."


async def _unmake(ctx: Context, made: Row) -> None:
    """Delete a list that was just made, unless something has been put on it."""
    rows = await ctx.api.get("/api/lists")
    if any(row["id"] == made["id"] and row["open"] + row["done"] for row in rows):
        raise Declined(f"{named(made['name'])} is not empty any more, so it stays.")
    await ctx.api.delete(f"/api/lists/{made['id']}")


async def _reopen(ctx: Context, done: list[Row]) -> None:
    """Have tasks to do again that were ticked off together."""
    while done:
        row = done[-1]
        time = {"occurrence": row["occurrence"]} if row["repeat"] else {}  # which is due again
        await ctx.api.put(f"/api/tasks/{row['id']}", {"done": False, **time})
        done.pop()


async def _find(ctx: Context, name: str) -> Row:
    return await pick(ctx, name, await ctx.api.get("/api/lists"), "list")


def _content(found: Row) -> str:
    return _tasks(found["open"] + found["done"])


def _tasks(number: int) -> str:
    return "1 task" if number == 1 else f"{number or 'no'} tasks"
