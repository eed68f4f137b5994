"""Rows that their owners share with others: who may see a row, and who may change it.

An invitation names a user, and is good for a week. Whether there is such a user shows nowhere:
whoever has the name finds it among their invitations, and it is theirs to accept.
"""

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from apiflask import APIBlueprint, APIFlask
from pydantic import BaseModel, Field
from sqlalchemy import Table

from api.http.context import time_now
from api.http.security import caller
from api.models import Body, Name, Success, list_of
from api.resources import OwnedResource, Row, mine
from core import postgres
from core.db.engine import transaction
from core.errors import Conflict, InvalidInput, NotFound
from core.tables import users
from core.usernames import check_username, name_key

INVITATIONS_KEPT = timedelta(days=7)
MAX_MEMBERS = 50  # of one row
MAX_SHARED = 200  # rows that one person shares in

MemberRole = Literal["editor", "viewer"]


class MemberIn(Body):
    """Whom to invite, by user name; an editor may change what a viewer only sees."""

    username: Name
    role: MemberRole = "editor"


class MemberOut(BaseModel):
    """Who sees a row beside its owner, or was invited to."""

    id: UUID
    username: str
    role: MemberRole
    accepted: bool
    created_at: datetime


class InvitationOut(BaseModel):
    """An invitation of yours."""

    id: UUID
    row_id: UUID
    name: str | None = Field(description="What the row is called, where it has a name.")
    owner: str
    role: MemberRole
    created_at: datetime


class SharedResource(OwnedResource):
    """Rows that belong to a user each, who may share them with others.

    `members` is `core.tables.members_table(table)`. Viewers read a row, editors change it too; only
    the owner deletes it, invites and removes people. Who leaves hands over what they made in it.
    """

    def __init__(self, table: Table, *, members: Table, **models: Any) -> None:  # noqa: ANN401
        super().__init__(table, **models)
        self.members = members
        self._rows = table

    def shared(self, *, write: bool = False) -> list[UUID]:
        """Return the ids of the rows that the caller shares with others, own and others' alike."""
        me, members, rows = caller().user_uuid, self.members.c, self._rows.c
        theirs = sa.select(members.row_id).where(members.user_uuid == me)
        if write:
            theirs = theirs.where(members.role == "editor")
        own = (
            sa.select(members.row_id)
            .join(self._rows, rows.id == members.row_id)
            .where(rows.user_uuid == me, members.user_uuid.is_not(None))
        )
        with transaction(read_only=True) as connection:
            return list(connection.scalars(theirs.union(own)))

    def owners(self, rows: list[Row]) -> dict[UUID, str]:
        """Return the user names of the owners of others' rows, by their UUIDs."""
        ids = {row["user_uuid"] for row in rows} - {caller().user_uuid}
        if not ids:
            return {}
        found = postgres.select("users", {"id": ("IN", list(ids))}, columns=["id", "username"])
        return {row["id"]: row["username"] for row in found}

    def list_members(self, row_id: UUID) -> list[Row]:
        """Return who sees a row beside its owner, or was invited to. Raises NotFound."""
        self.read(row_id)
        rows = postgres.select(self.members.name, {"row_id": row_id}, ["created_at", "username"])
        return [
            row | {"accepted": row["user_uuid"] is not None} for row in rows if self._holds(row)
        ]

    def invite(self, row_id: UUID, body: MemberIn) -> Row:
        """Invite somebody to one of the caller's rows.

        Raises NotFound, Forbidden, Conflict, InvalidInput.
        """
        username = check_username(body.username)
        if name_key(username) == name_key(caller().username):
            raise InvalidInput("This is you: the row is yours already.")
        with transaction():
            self._lock(row_id)
            there = self.list_members(row_id)
            if any(row["name_key"] == name_key(username) for row in there):
                raise Conflict(f"{username} is a member or invited already.")
            if len(there) >= MAX_MEMBERS:
                raise Conflict(f"A row can be shared with {MAX_MEMBERS} people.")
            postgres.delete(
                self.members.name,
                {"row_id": row_id, "user_uuid": None, "name_key": name_key(username)},
            )
            row = {
                "row_id": row_id,
                "username": username,
                "name_key": name_key(username),
                "role": body.role,
                "created_at": time_now(),
            }
            return postgres.insert(self.members.name, row) | {"accepted": False}

    def remove(self, row_id: UUID, member_id: UUID) -> None:
        """Take somebody off a row of the caller's, or the caller off another's. Raises NotFound."""
        with transaction():
            rows = postgres.select(self._rows.name, {"id": row_id}, lock="update")
            member = postgres.select_one(self.members.name, {"id": member_id, "row_id": row_id})
            me = caller()
            if not rows or member is None:
                raise NotFound
            is_owner = rows[0]["user_uuid"] == me.user_uuid
            is_invited = member["user_uuid"] is None and member["name_key"] == name_key(me.username)
            if not (is_owner or is_invited or member["user_uuid"] == me.user_uuid):
                raise NotFound
            postgres.delete(self.members.name, {"id": member_id})
            if member["user_uuid"] is not None:
                self._hand_over(row_id, member["user_uuid"], rows[0]["user_uuid"])

    def invitations(self) -> list[Row]:
        """Return what the caller was invited to, and has not accepted."""
        members, rows = self.members, self._rows
        name = rows.c.name if "name" in rows.c else sa.null()
        query = (
            sa.select(
                members.c.id,
                members.c.row_id,
                name.label("name"),
                users.c.username.label("owner"),
                members.c.role,
                members.c.created_at,
            )
            .join(rows, rows.c.id == members.c.row_id)
            .join(users, users.c.id == rows.c.user_uuid)
            .where(
                members.c.user_uuid.is_(None),
                members.c.name_key == name_key(caller().username),
                members.c.created_at > time_now() - INVITATIONS_KEPT,
            )
            .order_by(members.c.created_at)
            .limit(MAX_SHARED)
        )
        with transaction(read_only=True) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def accept(self, member_id: UUID) -> None:
        """Become a member by an invitation. Raises NotFound, Conflict."""
        with transaction():
            if member_id not in {row["id"] for row in self.invitations()}:
                raise NotFound
            if len(self.shared()) >= MAX_SHARED:
                raise Conflict(f"Nobody can share more than {MAX_SHARED}: leave another one first.")
            postgres.update(self.members.name, mine(), {"id": member_id, "user_uuid": None})

    def register_members(self, app: APIFlask, path: str) -> None:
        """Add the routes of members and invitations, under the path of the rows."""
        routes = APIBlueprint(f"{self.table}_members", __name__, url_prefix=path)

        @routes.get("/<uuid:row_id>/members")
        @routes.output(list_of(MemberOut))
        def members(row_id: UUID) -> list[Row]:
            """List who sees this row beside its owner, and who was invited to."""
            return self.list_members(row_id)

        @routes.post("/<uuid:row_id>/members")
        @routes.input(MemberIn, arg_name="body")
        @routes.output(MemberOut, 201)
        @routes.doc(responses={409: "Is a member or invited already."})
        def invite(row_id: UUID, body: MemberIn) -> Row:
            """Invite somebody by their user name; the answer is the same if nobody has it."""
            return self.invite(row_id, body)

        @routes.delete("/<uuid:row_id>/members/<uuid:member_id>")
        @routes.output(Success)
        def remove(row_id: UUID, member_id: UUID) -> Success:
            """Take somebody off a row of yours, leave one, or decline an invitation."""
            self.remove(row_id, member_id)
            return Success()

        @routes.get("/invitations")
        @routes.output(list_of(InvitationOut))
        def invitations() -> list[Row]:
            """List what you were invited to."""
            return self.invitations()

        @routes.put("/invitations/<uuid:member_id>")
        @routes.output(Success)
        @routes.doc(responses={409: "You share in too many rows."})
        def accept(member_id: UUID) -> Success:
            """Accept an invitation."""
            self.accept(member_id)
            return Success()

        app.register_blueprint(routes)

    def register(self, app: APIFlask, path: str) -> None:
        """Add the routes of rows, members and invitations, under a path."""
        super().register(app, path)
        self.register_members(app, path)

    def _lock(self, row_id: UUID) -> None:
        """Keep others from inviting to one of the caller's rows. Raises NotFound, Forbidden."""
        if not postgres.select(self.table, {"id": row_id} | mine(), lock="update"):
            self._refuse(row_id)

    def _hand_over(self, row_id: UUID, member: UUID, owner: UUID) -> None:
        """Give what a member made in a row to its owner."""
        for child, column in self.children:
            theirs = {column: row_id, "user_uuid": member}
            rows = postgres.update(child.table, {"user_uuid": owner}, theirs)
            child.on_handover(rows, member)

    def _holds(self, member: Row) -> bool:
        """Tell whether somebody is a member, or an invitation is still good."""
        age = time_now() - member["created_at"]
        return member["user_uuid"] is not None or age < INVITATIONS_KEPT
