"""The rows of every domain that has no page of its own: made from the models of its resource."""

from uuid import UUID

from flask import current_app, request
from werkzeug.wrappers import Response

from api.console.client import Refused, Row, fetch, fetch_page
from api.console.forms import FormField, fields_of, read_form, with_errors
from api.console.page import Link, Page, done, failed, show
from api.resources import OwnedResource
from core import tables
from core.errors import NotFound

PER_PAGE = 25
HIDDEN = {"id", "user_uuid"}

page = Page("data", "Data", "/data")


def _resources() -> dict[str, tuple[str, OwnedResource]]:
    """Return the domains' resources and their paths in the API, by the names of their tables.

    Those whose tables are the program's own have pages of their own.
    """
    return {
        resource.table: (path, resource)
        for path, resource in current_app.extensions.get("resources", {}).items()
        if not hasattr(tables, resource.table)
    }


@page.links
def links() -> list[Link]:
    """Lead to each of them from the navigation."""
    return [Link(_title(name), "console.data.index", {"name": name}, 30) for name in _resources()]


@page.get("/<name>")
def index(name: str) -> str:
    """Show the rows, which can be narrowed down, and a form for another one."""
    return _index(name)


@page.post("/<name>")
def add(name: str) -> Response | tuple[str, int]:
    """Add a row."""
    path, resource = _find(name)
    fields = fields_of(resource.models[1])
    try:
        row = fetch("POST", path, read_form(fields, request.form))
    except Refused as error:
        filled = with_errors(fields, request.form, error.fields)
        return _index(name, filled, "" if error.fields else str(error)), error.status
    return done(
        f"Added {_name_of(row)}.",
        "data.index",
        name=name,
        undo=("DELETE", f"{path}/{row['id']}", None),
    )


@page.get("/<name>/<uuid:row_id>")
def edit(name: str, row_id: UUID) -> str:
    """Show a row, to be changed."""
    path, resource = _find(name)
    row = fetch("GET", f"{path}/{row_id}")
    return _edit(name, row, fields_of(resource.models[2], row))


@page.post("/<name>/<uuid:row_id>")
def change(name: str, row_id: UUID) -> Response | tuple[str, int]:
    """Change a row."""
    path, resource = _find(name)
    row = fetch("GET", f"{path}/{row_id}")
    fields = fields_of(resource.models[2], row)
    changes = read_form(fields, request.form, changes=True)
    if not changes:
        return failed("Nothing was changed.", "data.index", name=name)
    try:
        after = fetch("PUT", f"{path}/{row_id}", changes)
    except Refused as error:
        filled = with_errors(fields, request.form, error.fields)
        return _edit(name, row, filled, "" if error.fields else str(error)), error.status
    before = {field: row.get(field) for field in changes}
    undo = ("PUT", f"{path}/{row_id}", before)
    return done(f"Changed {_name_of(after)}.", "data.index", name=name, undo=undo)


@page.post("/<name>/<uuid:row_id>/delete")
def delete(name: str, row_id: UUID) -> Response:
    """Delete a row."""
    path, resource = _find(name)
    row = fetch("GET", f"{path}/{row_id}")
    fetch("DELETE", f"{path}/{row_id}")
    again = {field: row[field] for field in resource.models[1].model_fields if field in row}
    return done(f"Deleted {_name_of(row)}.", "data.index", name=name, undo=("POST", path, again))


def _index(name: str, fields: list[FormField] | None = None, error: str = "") -> str:
    path, resource = _find(name)
    asked = request.args if request.method == "GET" else {}
    wanted = {one: asked[one] for one in resource.filters if asked.get(one)}
    rows, after = fetch_page(path, limit=PER_PAGE, cursor=asked.get("cursor"), **wanted)
    return show(
        "pages/data.html",
        name=name,
        title=_title(name),
        rows=rows,
        after=after,
        wanted=wanted,
        columns=_columns(resource),
        filters=fields_of(resource.query, wanted, resource.filters),
        fields=fields or fields_of(resource.models[1]),
        opened=fields is not None,
        error=error,
        name_of=_name_of,
    )


def _edit(name: str, row: Row, fields: list[FormField], error: str = "") -> str:
    return show(
        "pages/data_row.html",
        name=name,
        row=row,
        row_name=_name_of(row),
        fields=fields,
        error=error,
    )


def _find(name: str) -> tuple[str, OwnedResource]:
    found = _resources().get(name)
    if found is None:
        raise NotFound
    return found


def _columns(resource: OwnedResource) -> list[FormField]:
    """Return what is told of a row, when it was made last."""
    fields = fields_of(resource.models[0].model_json_schema(mode="serialization"))
    kept = [field for field in fields if field.name not in HIDDEN]
    return sorted(kept, key=lambda field: field.name == "created_at")


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _name_of(row: Row) -> str:
    texts = (row[field] for field in row if field not in HIDDEN and isinstance(row[field], str))
    name = row.get("name") or next(texts, "")
    return f"“{name[:60]}”" if name else "it"
