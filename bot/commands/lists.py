"""The lists that tasks are on."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Literal

from ai.sentences.tokens import TO_DO
from ai.times.wording import ends_when_done
from bot.api.sessions import UserApi
from bot.framework.context import Context, Declined
from bot.framework.fields import About
from bot.framework.lookup import Row, containing, pick
from bot.framework.registry import CommandModule
from bot.markdown import escape, named


async def _lists(api: UserApi) -> list[Row]:
    rows: list[Row] = await api.get("/api/lists")
    return rows


NewName = Annotated[str, About("the list's name", example="shopping")]
ListName = Annotated[str, About("the list's name", example="shopping", choices_from=_lists)]

OptionalName = Annotated[str | None, About("the list's name", example="shopping")]

# fmt: off
JUST_TO_SEE = (
    "just to look", "only to look", "just to see", "only to see", "read only", "view only",
    "look only", "just look", "only look", "just read", "only read", "only see", "without editing",
    "can t edit", "not edit", "nur lesen", "nur ansehen", "nur zum lesen", "nur zum ansehen",
    "solo ver", "sólo ver", "solo leer", "solo lectura", "lecture seule", "juste voir",
    "seulement voir", "juste regarder", "juste lire",
)
# fmt: on
DEFAULT_LIST = "tasks"  # where tasks are that are on no other

lists = CommandModule("list", "Your lists")


@lists.command(
    "make a list called {name}",
    "[i need to] (make|create|start|add|set up) [me] [a] [new] list (called|named|for) {name}",
    "(make|create|start|add|set up) [me] [a] [new] list for the {name}",
    "(make|start|set up) [me] [a] [new] list {name}",
    "(i|we) (want|need) [a] [new] list (called|named|for) {name}",
    "(i|we) (want|need) a [new] {name} list",
    "(can i|can we|i would like to|i want to) have a [new] list (called|named|for) {name}",
    "(make|start|add) [me] a [new] {name} list",
    "(make|start) [me] [new] {name} list",
    "[i need to] (make|create|start|add|set up) [me] [a] [new] list",
    "new list [called|named|for] {name}",
    "new {name} list",
    "set up (a|my|the) [new] {name} list",
    "new list",
    near=("(make|start) [me] a [new] list of {name}",),
    hint="Also: start a list.",
)
async def make(ctx: Context, name: NewName) -> str:
    """Make an empty list."""
    made = await ctx.api.post("/api/lists", {"name": name})
    ctx.undoable(f"{named(made['name'])} is gone again.", partial(_unmake, ctx, made))
    return f"Made the list {named(made['name'])}."


@lists.command(
    "show my lists",
    "(show|list) [me] [all] [of] [my] lists",
    "(what|which|how many) [open] lists (do i have|are there|have i got|i have [made]|have i made)",
    "(what kind of|how many) lists (do i have|are there|are open) [saved]",
    "(show|list) [me] [my] list names",
    "name [all] [of] my lists",
    "(do i have|are there) any lists",
    "what are my lists [so far]",
    "what are the [current] lists i have",
    "[all] [of] [my] lists",
)
async def show(ctx: Context) -> str:
    """Show your lists, and how much is on them."""
    rows = await ctx.api.get("/api/lists")
    if not rows:
        return "You have no lists yet."
    ctx.show([row["name"] for row in rows])
    return "Your lists:\n" + "\n".join(
        f"• {_label(row)}: {row['open']} to do, {row['done']} done" for row in rows
    )


@lists.command(
    "empty my {name} list",
    "(empty|clear|wipe|clean) [out] [my] {name} list",
    "(empty|clear) [out] [my] list (called|named|for|from) {name}",
    "(delete|remove|clear) (everything|[all] [the] (tasks|items)) (on|from|off) [my] {name} list",
    "(strip|wipe) everything (from|off) [my] {name} list",
    "take everything off my {name} list",
    "wipe my {name} list clean",
    near=(
        "(delete|remove|clear) (everything|all [the] (tasks|items)) (on|from|off) {name}",
        "(empty|clear|wipe) [out] {name}",
        "wipe {name} clean",
    ),
    hint="Also: remove everything from it.",
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
    "(complete|finish|tick off|check off) (everything|all tasks) on my {name} list",
    "(tick|check) (everything|all tasks) on (my|the) {name} list off",
    "(tick|check) (everything|all tasks) off (on|from) my {name} list",
    "mark (everything|all tasks) on my {name} list as (done|complete|completed)",
    "i [have] (finished|completed|done) my {name} list",
    "[all of] my {name} list is [all] (done|finished|complete|completed)",
    near=(
        "(complete|finish|tick off|check off) (everything|all [the] (tasks|items)) on {name}",
        "mark (everything|all [the] (tasks|items)) on {name} as (done|complete|completed|bought)",
        "everything on my {name} list is (done|finished|bought)",
        "(i|we) [have] (got|bought|did|done|finished) everything (on|from) [my] {name} [list]",
    ),
)
async def complete_all(ctx: Context, name: ListName) -> AsyncIterator[str]:
    """Tick off everything on a list."""
    found = await _find(ctx, name)
    rows = await ctx.api.get_all("/api/tasks", {"list": _full_name(found)})
    done: list[Row] = []
    ctx.undoable(f"{named(found['name'])} is as it was before.", partial(_reopen, ctx, done))
    for number, row in enumerate(rows, 1):
        which = {"occurrence": row["occurrence"]} if row["repeat"] else {}
        if ends_when_done(row["repeat"]):
            which = {"repeat": None}
        await ctx.api.put(f"/api/tasks/{row['id']}", {"done": True, **which})
        done.append(row)
        yield f"Done: {number} of {_tasks(len(rows))} on {named(found['name'])} …"
    rest = " There are more on it: tell me again for the next ones." if rows.has_more else ""
    yield f"Done: {_tasks(len(done))} on {named(found['name'])}.{rest}"


@lists.command(
    "delete my {name} list",
    "(delete|remove|drop|bin|trash|dump|ditch|throw out|throw away) [my] {name} list",
    "(drop|bin|trash|dump|ditch|throw out|throw away) [my] list [called|named] {name}",
    "(drop|bin|trash|dump|ditch|chuck out|throw out|throw away) my list (for|from) {name}",
    "(delete|remove) [my] list [called|named] {name}",
    "(delete|remove) my list (for|from) {name}",
    near=("(delete|remove) my list of {name}",),
    hint="Also: get rid of a list.",
)
async def delete(ctx: Context, name: ListName) -> str:
    """Delete a list with everything on it."""
    found = await _find(ctx, name)
    if not await ctx.confirm(f"Delete the list {named(found['name'])} with {_content(found)}?"):
        return "All right, it stays."
    await ctx.api.delete(f"/api/lists/{found['id']}")
    return f"Deleted the list {named(found['name'])}."


@lists.command(
    "rename my {name} list to {new_name}",
    "(rename|change) [my] {name} list to {new_name}",
    "(rename|change) [my] list [called|named] {name} to {new_name}",
    "(call|name) my {name} list {new_name} [instead]",
    "change the name of my {name} list to {new_name}",
    near=("rename my {name} list [as] {new_name}",),
    for_models=False,
)
async def rename(
    ctx: Context,
    name: ListName,
    new_name: Annotated[str, About("the new name", example="groceries")],
) -> str:
    """Rename a list."""
    found = await _find(ctx, name)
    path = f"/api/lists/{found['id']}"
    after = await ctx.api.put(path, {"name": new_name})
    before = {"name": found["name"]}
    ctx.undoable(f"It is called {named(found['name'])} again.", partial(ctx.api.put, path, before))
    return f"{named(found['name'])} is called {named(after['name'])} now."


@lists.command(
    "share my {name} list with {person}",
    "share [my] {name} list with {person}",
    "share [my] list [called|named] {name} with {person}",
    "share [my] {name} list with {person} as [an|a] {role}",
    "(let|invite) {person} (see|to) my {name} list",
    "give {person} access to my {name} list",
    "(let|have) {person} (use|edit|view|join) my {name} list",
    "share [my] {name} list",
    near=(
        "share {name} with {person}",
        "(invite {person} to|give {person} access to|let {person} (see|edit|use)) {name}",
    ),
    hint="Also: let somebody see it.",
)
async def share(
    ctx: Context,
    name: ListName,
    person: Annotated[str, About("their user name", example="bob")],
    role: Annotated[
        Literal["editor", "viewer"], About("", said_as={"viewer": JUST_TO_SEE})
    ] = "editor",
) -> str:
    """Share a list with somebody, by their user name."""
    found = await _find(ctx, name)
    body = {"username": person, "role": role}
    made = await ctx.api.post(f"/api/lists/{found['id']}/members", body)
    who, what, said = named(made["username"]), named(found["name"]), escape(found["name"])
    path = f"/api/lists/{found['id']}/members/{made['id']}"
    ctx.undoable(f"{who} is not invited any more.", partial(ctx.api.delete, path))
    return (
        f"{who} can accept within a week, by saying to me “accept the {said} list”. "
        f"Then {what} is for you both."
    )


@lists.command(
    "who is on my {name} list",
    "who (is on|sees|can see|shares) my {name} list",
    "who is my {name} list shared with",
    "who (else is|can edit|else sees|has access to|can read) [on] my {name} list",
    near=("who else is on {name}", "who (can see|can edit|sees|shares|has access to) {name}"),
    for_models=False,
)
async def members(ctx: Context, name: ListName) -> str:
    """Show who shares a list."""
    found = await _find(ctx, name)
    rows = await ctx.api.get(f"/api/lists/{found['id']}/members")
    whose = f"{named(found['owner'])}'s" if found["owner"] else "yours"
    if not rows:
        return f"{named(found['name'])} is {whose} alone."
    return f"{named(found['name'])} is {whose}, and shared with:\n" + "\n".join(
        f"• {named(row['username'])}{'' if row['accepted'] else ', who has not accepted yet'}"
        f"{' (only sees it)' if row['role'] == 'viewer' else ''}"
        for row in rows
    )


@lists.command(
    "stop sharing my {name} list with {person}",
    "(stop sharing|unshare) my {name} list with {person}",
    "(stop sharing|unshare) my {name} list",
    near=("(stop sharing|unshare) {name} [with {person}]",),
    for_models=False,
)
async def unshare(
    ctx: Context,
    name: ListName,
    person: Annotated[str, About("the other person's user name", example="bob")],
) -> str:
    """End sharing a list with somebody; what they put on it stays on it."""
    found = await _find(ctx, name)
    member = await _member(ctx, found, person)
    await ctx.api.delete(f"/api/lists/{found['id']}/members/{member['id']}")
    return f"{named(member['username'])} no longer shares {named(found['name'])}."


@lists.command(
    "leave the {name} list",
    "leave [my] {name} list",
    confirm="Leave the list {name}? What you put on it stays on it, without your reminders.",
    for_models=False,
)
async def leave(ctx: Context, name: ListName) -> str:
    """Leave a list of somebody else's."""
    found = await _find(ctx, name)
    if not found["owner"]:
        raise Declined(f"{named(found['name'])} is your own list: you can delete it.")
    member = await _member(ctx, found, ctx.session.username)
    await ctx.api.delete(f"/api/lists/{found['id']}/members/{member['id']}")
    return f"You have left {_label(found)}."


@lists.command(
    "show my invitations",
    "(show|list) [me] [all] [of] [my] invitations",
    "(what am i invited to|am i invited to anything|who invited me)",
    "[do i have|are there] any [list|new|open] (invitations|invites)",
    "(show|list) [me] [my] [list] invites",
    "my invitations",
    for_models=False,
)
async def invitations(ctx: Context) -> str:
    """Show the lists that others want to share with you."""
    rows = await ctx.api.get("/api/lists/invitations")
    if not rows:
        return "Nobody has invited you to a list."
    ctx.show([row["name"] for row in rows])
    return "You are invited to:\n" + "\n".join(
        f"• {named(row['name'])}, by {named(row['owner'])}" for row in rows
    )


@lists.command(
    "accept the {name} list",
    "(accept|join) [my] {name} list",
    "accept [my] (invitation|invite)",
    "accept [my] invitation to [my] {name} [list]",
    for_models=False,
)
async def accept(ctx: Context, name: OptionalName = None) -> str:
    """Share a list that you are invited to."""
    found = await _invitation(ctx, name)
    await ctx.api.put(f"/api/lists/invitations/{found['id']}")
    return f"You share {named(found['name'])} with {named(found['owner'])} now."


@lists.command(
    "decline the {name} list",
    "decline [my] {name} list",
    "decline [my] (invitation|invite)",
    "decline [my] invitation to [my] {name} [list]",
    for_models=False,
)
async def decline(ctx: Context, name: OptionalName = None) -> str:
    """Decline a list that you are invited to."""
    found = await _invitation(ctx, name)
    await ctx.api.delete(f"/api/lists/{found['row_id']}/members/{found['id']}")
    return f"You declined {named(found['name'])}."


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
        if ends_when_done(row["repeat"]):
            time = {name: row[name] for name in ("due_at", "repeat", "repeat_from")}
        await ctx.api.put(f"/api/tasks/{row['id']}", {"done": False, **time})
        done.pop()


async def _find(ctx: Context, name: str) -> Row:
    rows = await ctx.api.get("/api/lists")
    if name.casefold() in TO_DO and not containing(name, [row["name"] for row in rows]):
        name = DEFAULT_LIST
    return await pick(ctx, name, rows, "list", _label)


def _full_name(found: Row) -> str:
    """Return what a list is called among those of several people."""
    return f"{found['owner']}'s {found['name']}" if found["owner"] else str(found["name"])


def _label(found: Row) -> str:
    whose = f" ({escape(found['owner'])}'s)" if found["owner"] else ""
    return f"{named(found['name'])}{whose or (' (shared)' if found['shared'] else '')}"


async def _member(ctx: Context, found: Row, person: str) -> Row:
    rows = await ctx.api.get(f"/api/lists/{found['id']}/members")
    people = [row | {"name": row["username"]} for row in rows]
    return await pick(ctx, person, people, "person on that list")


async def _invitation(ctx: Context, name: str | None) -> Row:
    """Return the invitation that a person means. Raises Declined."""
    rows = await ctx.api.get("/api/lists/invitations")
    if not rows:
        raise Declined("Nobody has invited you to a list.")
    if name is None and len(rows) == 1:
        only: Row = rows[0]
        return only
    words = name or await ctx.ask("Which list?")
    return await pick(
        ctx,
        words,
        rows,
        "invitation",
        lambda row: f"{named(row['name'])} ({escape(row['owner'])}'s)",
    )


def _content(found: Row) -> str:
    return _tasks(found["open"] + found["done"])


def _tasks(number: int) -> str:
    return "1 task" if number == 1 else f"{number or 'no'} tasks"
