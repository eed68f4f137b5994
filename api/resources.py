"""Rows that belong to a user. The one place where a caller's rows are told from everyone else's."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint, APIFlask
from pydantic import BaseModel
from sqlalchemy import Table

from api.models import Body, Page, Success, list_of
from api.security import caller
from core import postgres
from core.errors import InvalidInput, NotFound

Row = dict[str, Any]


class OwnedResource:
    """A table whose rows belong to a user each, by its column `user_uuid`.

    Every method sees the caller's rows only: another user's row is as absent as one that never was.
    """

    def __init__(
        self, table: Table, *, read: type[BaseModel], create: type[Body], update: type[Body]
    ) -> None:
        self.table = table.name
        self.models = read, create, update

    def select(self, page: Page, **where: Any) -> list[Row]:  # noqa: ANN401 - any column's value
        """Return a page of the caller's rows, oldest first."""
        return postgres.select(
            self.table,
            where | mine(),
            order_by=["created_at", "id"],
            limit=page.limit,
            offset=page.offset,
        )

    def read(self, row_id: UUID) -> Row:
        """Return one of the caller's rows. Raises NotFound."""
        row = postgres.select_one(self.table, {"id": row_id} | mine())
        if row is None:
            raise NotFound
        return row

    def create(self, data: Row) -> Row:
        """Insert a row that belongs to the caller, and return it. Raises Conflict, InvalidInput."""
        return postgres.insert(self.table, data | mine())

    def update(self, row_id: UUID, data: Row) -> Row:
        """Change one of the caller's rows, and return it.

        Raises NotFound, Conflict, InvalidInput.
        """
        if not data:
            raise InvalidInput("There is nothing to change.")
        rows = postgres.update(self.table, data, {"id": row_id} | mine())
        if not rows:
            raise NotFound
        return rows[0]

    def delete(self, row_id: UUID) -> None:
        """Delete one of the caller's rows. Raises NotFound."""
        if not postgres.delete(self.table, {"id": row_id} | mine()):
            raise NotFound

    def register(self, app: APIFlask, path: str) -> None:
        """Add the routes that list, read, create, update and delete, under a path."""
        read, create, update = self.models
        routes = APIBlueprint(self.table, __name__, url_prefix=path)

        @routes.get("")
        @routes.input(Page, location="query", arg_name="page")
        @routes.output(list_of(read))
        def index(page: Page) -> list[Row]:
            """List your own rows, oldest first."""
            return self.select(page)

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


def mine() -> Row:
    """Return the condition, or the column, that makes a row the caller's."""
    return {"user_uuid": caller().user_uuid}
