"""Rows that belong to a user. The one place where a caller's rows are told from everyone else's."""

import base64
import binascii
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, partial
from typing import Annotated, Any, NoReturn
from urllib.parse import urlencode
from uuid import UUID
from weakref import WeakKeyDictionary

from apiflask import APIBlueprint, APIFlask
from flask import Response, after_this_request, request
from pydantic import AfterValidator, AwareDatetime, BaseModel, ValidationError, create_model
from sqlalchemy import Index, Table
from werkzeug.routing import BaseConverter

from api import resources
from api.http.context import current_context
from api.http.security import caller
from api.models import Body, Page, Success, list_of, storable
from core import postgres
from core.db.compiled import Row as Row
from core.db.engine import transaction
from core.errors import Forbidden, InvalidInput, NotFound
from core.tables import users


class Malformed(str):
    """What stood in the path where a UUID belongs."""

    __slots__ = ()


class UUIDConverter(BaseConverter):
    """Read `<uuid:name>` in its usual form, with dashes; mark what is none."""

    def to_python(self, value: str) -> UUID | Malformed:
        """Return the UUID, or the text marked as malformed."""
        try:
            parsed = UUID(value)
        except ValueError:
            return Malformed(value)
        return parsed if str(parsed) == value.lower() else Malformed(value)

    def to_url(self, value: object) -> str:
        """Write a UUID with dashes."""
        return str(value)


class MalformedId(InvalidInput):
    """A path has something else where an id belongs."""


def install(app: APIFlask) -> None:
    """Make `<uuid:name>` mean the converter above. Comes after security: a 401 goes first."""
    app.url_map.converters["uuid"] = UUIDConverter
    app.url_map.merge_slashes = False  # a user name in a path may hold two of them
    app.before_request(_refuse_malformed)


def _refuse_malformed() -> None:
    for name, value in (current_context.get().request.view_args or {}).items():
        if isinstance(value, Malformed):
            raise MalformedId(f"{name}: this is not a UUID.")


ORDER = ["created_at", "id"]
"""How lists are sorted: oldest first, and no two rows are equal."""


class Position(BaseModel):
    """The last row of a page, as far as the order goes."""

    created_at: AwareDatetime
    id: UUID  # of any version: databases make their own


def read_cursor(cursor: str) -> dict[str, Any]:
    """Return the row that a page ended with. Raises InvalidInput."""
    try:
        return Position.model_validate_json(base64.urlsafe_b64decode(cursor)).model_dump()
    except (binascii.Error, ValidationError, ValueError) as error:
        raise InvalidInput("cursor: take it from the Link header of the page before.") from error


def name_next(response: Response, last: dict[str, Any]) -> Response:
    """Say in the Link header (RFC 8288) where the page after the last row of this one is."""
    position = Position.model_validate(last).model_dump_json()
    cursor = base64.urlsafe_b64encode(position.encode()).decode()
    query = {name: value for name, value in request.args.items() if name != "offset"}
    link = f"{request.path}?{urlencode(query | {'cursor': cursor})}"
    response.headers["Link"] = f'<{link}>; rel="next"'
    return response


MAX_PAGE_CHARS = 1024 * 1024
LONG = (str, bytes, memoryview)
"""What columns hold that may be long."""
ROWS_AT_ONCE = 200  # of a page: what one select can take of the memory, whatever is in the rows


class OwnedResource:
    """A table whose rows belong to a user each, by its column `user_uuid`.

    Declaring one adds the index that pages of a user's rows need. `filters` names the fields of the
    read model by which a list can be narrowed down. `within` names a shared resource and the column
    that refers to it: who may see a row there sees the rows in it too, whoever made them, and who
    may change it changes them.

    Every method sees the caller's rows only: another user's row is as absent as one that never was.
    A row that refers to another one, by a field of its models, is refused where the caller may not
    change that one.
    """

    def __init__(
        self,
        table: Table,
        *,
        read: type[BaseModel],
        create: type[Body],
        update: type[Body],
        filters: tuple[str, ...] = (),
        within: "tuple[OwnedResource, str] | None" = None,
        on_handover: Callable[[list[Row], UUID], object] = lambda _rows, _user: None,
    ) -> None:
        """Declare it. `on_handover` is told of rows that pass from a user to their list's owner."""
        self.table = table.name
        self.within = within
        self.on_handover = on_handover
        self.children: list[tuple[OwnedResource, str]] = []
        _declared[table] = self
        if within is not None:
            within[0].children.append((self, within[1]))
        given = {*create.model_fields, *update.model_fields}
        self._references = [
            key for key in table.foreign_keys if key.parent.name in given - {"user_uuid"}
        ]
        Index(None, table.c.user_uuid, *(table.c[name] for name in resources.ORDER))
        self.models = read, create, update
        self.filters = filters

    def select(self, page: Page, **where: Any) -> list[Row]:  # noqa: ANN401 - any column's value
        """Return a page of the caller's rows, oldest first; the answer links to the next one.

        A page has fewer rows than asked for where they are so large that it would take more than
        MAX_PAGE_CHARS.
        """
        rows: list[Row] = []
        left = MAX_PAGE_CHARS
        shared = self._beyond(where)
        after = read_cursor(page.cursor) if page.cursor else None
        wanted = page.limit + 1  # one more tells whether there is a next page
        while len(rows) < wanted:
            asked = min(ROWS_AT_ONCE, wanted - len(rows))
            offset = page.offset or 0 if not rows else 0
            some = self._some(where, shared, asked, offset, after)
            for row in some:
                for value in row.values():
                    if value.__class__ in LONG:
                        left -= len(value)
                if len(rows) == page.limit or (left < 0 and rows):
                    after_this_request(partial(name_next, last=rows[-1]))
                    return rows
                rows.append(row)
            if len(some) < asked:
                break
            after = rows[-1]
        return rows

    def read(self, row_id: UUID) -> Row:
        """Return one of the caller's rows. Raises NotFound."""
        row = postgres.select_one(self.table, {"id": row_id} | mine())
        if row is None and (where := self._of_others(row_id)):
            row = postgres.select_one(self.table, where)
        if row is None:
            raise NotFound
        return row

    def create(self, data: Row) -> Row:
        """Insert a row that belongs to the caller, and return it. Raises Conflict, InvalidInput."""
        with self._transaction():
            self._check_references(data)
            return postgres.insert(self.table, data | mine())

    def update(self, row_id: UUID, data: Row) -> Row:
        """Change one of the caller's rows, and return it.

        Raises NotFound, Forbidden, Conflict, InvalidInput.
        """
        if not data:
            raise InvalidInput("There is nothing to change.")
        with self._transaction():
            self._check_references(data)
            rows = postgres.update(self.table, data, {"id": row_id} | mine())
            if not rows and (where := self._of_others(row_id, write=True)):
                rows = postgres.update(self.table, data, where)
        if not rows:
            self._refuse(row_id)
        return rows[0]

    def delete(self, row_id: UUID) -> None:
        """Delete one of the caller's rows. Raises NotFound, Forbidden."""
        rows = postgres.delete(self.table, {"id": row_id} | mine())
        # A shared row is its owner's to delete; what is in it, is everybody's who may change it.
        if not rows and self.within and (where := self._of_others(row_id, write=True)):
            rows = postgres.delete(self.table, where)
        if not rows:
            self._refuse(row_id)

    def may_change(self, row_id: UUID) -> bool:
        """Tell whether the caller may change a row; who is removed meanwhile waits until they did.

        That is until the end of the open transaction.
        """
        if postgres.exists(self.table, {"id": row_id} | mine()):
            return True
        if self._of_others(row_id, write=True) is None:
            return False
        postgres.select(self.table, {"id": row_id}, columns=["id"], lock="update")
        where = self._of_others(row_id, write=True)
        return where is not None and postgres.exists(self.table, where)

    def shared(self, *, write: bool = False) -> list[UUID]:
        """Return the ids of the rows that the caller shares with others, own and others' alike.

        With `write` those only that the caller may change.
        """
        del write
        return []

    def _transaction(self) -> AbstractContextManager[object]:
        """Let nobody be removed between a check and a write; alone a write is one statement."""
        return transaction(savepoint=False) if self.within else nullcontext()

    def _some(
        self, where: Row, shared: Row | None, limit: int, offset: int, after: Row | None
    ) -> list[Row]:
        """Return the next rows of a list: own ones, and those of others that were shared."""
        options: dict[str, Any] = {"order_by": resources.ORDER, "after": after}
        if shared is None:
            return postgres.select(
                self.table, where | mine(), limit=limit, offset=offset or None, **options
            )
        found = [
            row
            for some in (where | mine(), where | shared)
            for row in postgres.select(self.table, some, limit=offset + limit, **options)
        ]
        found.sort(key=lambda row: tuple(row[name] for name in resources.ORDER))
        return found[offset : offset + limit]

    def _beyond(self, where: Row, *, write: bool = False) -> Row | None:
        """Return a condition for the rows of others that the caller may see; None for none."""
        holder, column = self.within or (self, "id")
        ids = holder.shared(write=write)
        if column in where:
            ids = [one for one in ids if one == where[column]]
        if not ids:
            return None
        return {column: ("IN", ids), "user_uuid": ("!=", caller().user_uuid)}

    def _of_others(self, row_id: UUID, *, write: bool = False) -> Row | None:
        """Return a condition for one row of others that the caller may see; None for none."""
        where = {"id": row_id}
        shared = self._beyond({} if self.within else where, write=write)
        return None if shared is None else shared | where

    def _refuse(self, row_id: UUID) -> NoReturn:
        """Say why a row can't be changed. Raises NotFound, or Forbidden where it can be seen."""
        self.read(row_id)
        raise Forbidden("This is shared with you: you may see it, and not do that with it.")

    def _check_references(self, data: Row) -> None:
        """Refuse a reference to another user's row as one to nothing. Raises InvalidInput."""
        for key in self._references:
            name, target = key.parent.name, key.column.table
            if data.get(name) is not None and not _may_refer(target, key.column.name, data[name]):
                raise InvalidInput(f"{name}: there is no such thing, or it is not yours.")

    def register(self, app: APIFlask, path: str) -> None:
        """Add the routes that list, read, create, update and delete, under a path."""
        app.extensions.setdefault("resources", {})[path] = self
        read, create, update = self.models
        routes = APIBlueprint(self.table, __name__, url_prefix=path)

        @routes.get("")
        @routes.input(self.query, location="query", arg_name="page")
        @routes.output(list_of(read))
        def index(page: Page) -> list[Row]:
            """List your own rows, oldest first."""
            wanted = page.model_dump(include=set(self.filters), exclude_unset=True)
            return self.select(page, **wanted)

        @routes.post("")
        @routes.input(create, arg_name="body")
        @routes.output(read, 201)
        def add(body: Body) -> Row:
            """Make a row of your own."""
            return self.create(body.model_dump())

        @routes.get("/<uuid:row_id>")
        @routes.output(read)
        def show(row_id: UUID) -> Row:
            """Read one of your rows."""
            return self.read(row_id)

        @routes.put("/<uuid:row_id>")
        @routes.input(update, arg_name="body")
        @routes.output(read)
        def change(row_id: UUID, body: Body) -> Row:
            """Change the fields that you send."""
            return self.update(row_id, body.given())

        @routes.delete("/<uuid:row_id>")
        @routes.output(Success)
        def remove(row_id: UUID) -> Success:
            """Delete one of your rows."""
            self.delete(row_id)
            return Success()

        app.register_blueprint(routes)

    @cached_property
    def query(self) -> type[Page]:
        """The model of a list's query: the page, and the columns to filter by."""
        read, _, _ = self.models
        fields: Any = {
            name: (Annotated[read.model_fields[name].annotation, AfterValidator(storable)], None)
            for name in self.filters
        }
        return create_model(f"{read.__name__}Query", __base__=Page, **fields)


def _may_refer(target: Table, column: str, value: UUID) -> bool:
    """Tell whether the caller may refer to a row: one that they may change, or nobody's."""
    if target is users:
        return str(value) == str(caller().user_uuid)
    if "user_uuid" not in target.c:
        return True
    if column == "id" and (resource := _declared.get(target)) is not None:
        return resource.may_change(value)
    return postgres.exists(target.name, {column: value} | mine())


_declared: WeakKeyDictionary[Table, OwnedResource] = WeakKeyDictionary()
"""The resources of this process by their tables, for references between them."""


def mine() -> Row:
    """Return the condition, or the column, that makes a row the caller's."""
    return {"user_uuid": caller().user_uuid}
