"""The agents of this service, for administrators: how they are doing, and their definitions."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from api.console.client import Refused, Row, fetch
from api.console.forms import PLAIN_NUMBER, FormField, fields_of, read_form
from api.console.page import Page, done, show
from core.agents.tables import UNREADABLE
from core.agents.validation import definitions, settings_schemas
from core.errors import NotFound

PATH = "/api/agents"
OPERATIONS = "/api/operations/agents"
TRIAL = "/api/trial"
SHOWN = 50  # on one page, as many as the API tells of at once
OTHERS = "Below is what you filled in: with Save it takes the place of what they did."
PARTS = ("settings", "answers")  # what of a definition has fields of its own

page = Page("agents", "Agents", "/agents", access="admin", order=80)


@page.get("")
def index() -> str:
    """Show all agents, and lead to a new one."""
    cursor = request.args.get("cursor")
    rows = fetch("GET", PATH, after=cursor, limit=SHOWN)
    busy = {one["name"]: one for one in fetch("GET", OPERATIONS, after=cursor)}
    after = rows[-1]["name"] if len(rows) == SHOWN else None
    return show("pages/agents.html", rows=rows, busy=busy, types=_types(), after=after)


@page.get("/new/<kind>")
def new(kind: str) -> str:
    """Show the form for a new agent of a type."""
    if kind not in settings_schemas():
        raise NotFound
    return _form({"type": kind, "enabled": True})


@page.post("/new/<kind>")
def add(kind: str) -> Response | tuple[str, int]:
    """Make an agent."""
    form = request.form
    given: Row = {"name": form.get("name", "").strip(), "type": kind}
    given["token"] = form.get("token", "")
    given |= {"enabled": form.get("enabled") == "true"} | _parts(kind, {})
    try:
        row = fetch("POST", PATH, given)
    except Refused as error:
        return _form(given, str(error)), error.status
    fetch("DELETE", TRIAL)
    return done(f"Added {row['name']}. It starts within seconds.", "agents.index")


@page.get("/about/<name>")
def about(name: str) -> str:
    """Show how an agent is doing, when it answers, whom it remembers and what it looks up."""
    return show(
        "pages/agents.about.html",
        agent=fetch("GET", f"{PATH}/{name}"),
        busy=fetch("GET", f"{OPERATIONS}/{name}"),
        people=fetch("GET", f"{OPERATIONS}/{name}/memory"),
        documents=fetch("GET", f"{OPERATIONS}/{name}/documents"),
        lines=fetch("GET", "/api/operations/log", agent=name),
        shown=SHOWN,
    )


@page.post("/about/<name>/forget")
def forget(name: str) -> Response:
    """Have an agent forget somebody."""
    fields = ("user_uuid", "platform", "account_id")
    whom = {field: request.form[field] for field in fields if request.form.get(field)}
    erased = fetch("POST", f"{OPERATIONS}/{name}/forget", whom)
    gone = erased["turns"] + erased["summaries"]
    return done(f"{name} has forgotten them: {gone} rows.", "agents.about", name=name)


@page.post("/about/<name>/documents/remove")
def remove_document(name: str) -> Response:
    """Remove a document of an agent's."""
    document = request.form.get("document", "")
    fetch("DELETE", f"{OPERATIONS}/{name}/documents", name=document)
    return done(f"Removed {document}.", "agents.about", name=name)


@page.get("/of/<name>")
def edit(name: str) -> str:
    """Show an agent, to be changed."""
    return _form(fetch("GET", f"{PATH}/{name}"))


@page.post("/of/<name>")
def change(name: str) -> Response | tuple[str, int]:
    """Change an agent; what the form does not show stays, and so does a token that is left out."""
    before = fetch("GET", f"{PATH}/{name}")
    given = _parts(before["type"], before)
    read = request.form.get("revision", type=int)
    read_before = {} if read is None else {"revision": read}
    secret = {"token": token} if (token := request.form.get("token", "")) else {}
    try:
        after = fetch("PUT", f"{PATH}/{name}", given | secret | read_before)
    except Refused as error:
        words = f"{error} {OTHERS}" if read not in (None, before["revision"]) else str(error)
        return _form(before | given, words), error.status
    fetch("DELETE", TRIAL)
    back = {part: before[part] for part in PARTS} | {"revision": after["revision"]}
    undo = None if token else ("PUT", f"{PATH}/{name}", back)
    return done(f"Changed {name}.", "agents.index", undo=undo)


@page.post("/try/<kind>")
def try_out(kind: str) -> Response | tuple[str, int]:
    """Lead to a chat with an agent as the form says it, which is not saved."""
    name = request.args.get("name")
    before: Row = fetch("GET", f"{PATH}/{name}") if name else {"type": kind, "enabled": True}
    given = {"type": kind, **_parts(kind, before)}
    try:
        begun = fetch("PUT", TRIAL, given)
    except Refused as error:
        typed = {"name": name or request.form.get("name", "").strip()}
        return _form({**before, **given, **typed}, str(error)), error.status
    return redirect(url_for("console.chat.index", agent=begun["agent"]), 303)


@page.post("/try/end")
def end_trial() -> Response:
    """End the trial."""
    fetch("DELETE", TRIAL)
    return done("The trial has ended. What was said in it is erased.", "agents.index")


@page.post("/of/<name>/switch")
def switch(name: str) -> Response:
    """Have an agent run, or stop."""
    on = request.form.get("enabled") == "true"
    way, back = ("enable", "disable") if on else ("disable", "enable")
    fetch("POST", f"{PATH}/{name}/{way}")
    undo = ("POST", f"{PATH}/{name}/{back}", None)
    words = f"{name} is turned {'on' if on else 'off'}, within seconds."
    return done(words, "agents.index", undo=undo)


@page.post("/of/<name>/remove")
def remove(name: str) -> Response:
    """Delete an agent and all that it remembers."""
    fetch("DELETE", f"{PATH}/{name}")
    return done(f"Removed {name}.", "agents.index")


def _types() -> dict[str, str]:
    """Return what an agent of each type does, by the type's name."""
    told = dict.fromkeys(settings_schemas(), "")
    words = str(definitions()["agent"]["properties"]["type"]["description"])
    for kind in told:
        told[kind] = words.partition(f"{kind}: ")[2].partition(". ")[0].rstrip(".")
    return told


def _fields(part: str, kind: str, values: Mapping[str, Any]) -> list[FormField]:
    """Return the fields of an agent's settings or rules; what is no line of text has none."""
    known = definitions()
    schema = settings_schemas().get(kind, {}) if part == "settings" else known["Rules"]
    return [
        replace(
            one,
            name=f"{part}.{one.name}",
            schema={"title": one.name, **one.schema},
            value="" if _may_be_secret(one) else one.value,
        )
        for one in fields_of({**schema, "$defs": known}, values)
        if one.kind != "object" and "$ref" not in one.schema.get("items", {})
    ]


def _parts(kind: str, before: Mapping[str, Any]) -> Row:
    """Return settings and rules as they were filled in, over those that there were."""
    parts: Row = {}
    for part in PARTS:
        values = dict(before.get(part, {}))
        values.pop(UNREADABLE, None)
        fields = _fields(part, kind, values)
        for name, value in read_form(fields, request.form, changes=True).items():
            field = next(one for one in fields if one.name == name)
            short = name.partition(".")[2]
            if value in ("", []) and not field.required:
                values.pop(short, None)  # back to the default
            else:
                values[short] = _number(value) if field.kind == "number" else value
        parts[part] = values
    return parts


def _number(value: Any) -> Any:  # noqa: ANN401 - any JSON
    return float(value) if PLAIN_NUMBER.fullmatch(str(value)) else value


def _may_be_secret(field: FormField) -> bool:
    """Tell whether something was put where the name of its variable belongs."""
    pattern = str(field.schema.get("pattern", ""))
    return pattern.startswith("^env:") and not re.search(pattern, field.value)


def _form(agent: Row, error: str = "") -> str:
    settings, answers = (_fields(part, agent["type"], agent.get(part, {})) for part in PARTS)
    more = [name for name, value in agent.get("settings", {}).items() if _is_nested(value)]
    return show(
        "pages/agents.edit.html",
        agent=agent,
        known=agent["type"] in settings_schemas(),
        settings=settings,
        answers=answers,
        more=more,
        error=error,
    )


def _is_nested(value: object) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(one, dict) for one in value)
    )
