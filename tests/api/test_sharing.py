"""Rows that are shared: who sees them, who changes them, and what nobody finds out."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from apiflask import APIFlask
from pydantic import BaseModel
from werkzeug.test import TestResponse

from api import sharing
from api.main import create_app
from api.models import Body, Change, Name, optional
from api.resources import OwnedResource
from api.sharing import SharedResource
from config.settings import Settings
from core.db.engine import Database
from core.postgres import count, delete, select, select_one
from core.tables import created_at_column, id_column, members_table, metadata, owner_column
from tests.support.api import ABSENT, Caller
from tests.support.waiting import Clock

pytestmark = pytest.mark.every_database

TABLES = ("projects", "projects_members", "receipts", "costs")


class Project(Body):
    name: Name


class ProjectOut(BaseModel):
    id: UUID
    name: str


class Cost(Body):
    name: Name
    project_id: UUID
    receipt_id: UUID | None = None
    payer_id: UUID | None = None


class CostChange(Change):
    name: Name = optional()
    project_id: UUID = optional()
    receipt_id: UUID | None = None
    payer_id: UUID | None = None


class CostOut(BaseModel):
    id: UUID
    name: str
    project_id: UUID
    receipt_id: UUID | None


@pytest.fixture
def app(database: Database, settings: Settings, clock: Clock) -> Iterator[APIFlask]:
    """The application with projects, which are shared, costs within them, and receipts."""

    def table(name: str, *columns: sa.Column[Any]) -> sa.Table:
        named = sa.Column("name", sa.String(255), nullable=False)
        own = id_column(), owner_column(), named, created_at_column()
        return sa.Table(name, metadata, *own, *columns)

    projects, receipts = table("projects"), table("receipts")
    members = members_table(projects)
    costs = table(
        "costs",
        sa.Column("project_id", sa.Uuid(), sa.ForeignKey(projects.c.id, ondelete="CASCADE")),
        sa.Column("receipt_id", sa.Uuid(), sa.ForeignKey(receipts.c.id)),
        sa.Column("payer_id", sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE")),
    )
    plain = {"read": ProjectOut, "create": Project, "update": Project}
    own_projects = SharedResource(projects, members=members, **plain)
    own_costs = OwnedResource(
        costs, read=CostOut, create=Cost, update=CostChange, within=(own_projects, "project_id")
    )
    own_receipts = OwnedResource(receipts, **plain)  # type: ignore[arg-type]
    tables = [metadata.tables[name] for name in TABLES]
    metadata.create_all(database.engine, tables)
    database.forget_tables()
    try:
        app = create_app(settings, database, clock)
        own_projects.register(app, "/api/projects")
        own_costs.register(app, "/api/costs")
        own_receipts.register(app, "/api/receipts")
        yield app
    finally:
        metadata.drop_all(database.engine, tables)
        for one in reversed(tables):
            metadata.remove(one)


@pytest.fixture
def eve(new_user: Callable[..., Caller]) -> Caller:
    return new_user("eve")


def made(user: Caller, path: str, **body: object) -> str:
    answer = user.post(path, {"name": "x", **body})
    assert answer.status_code == 201, answer.json
    return str(answer.json["id"])


def invite(owner: Caller, project: str, name: str, role: str = "editor") -> str:
    body = {"username": name, "role": role}
    answer = owner.post(f"/api/projects/{project}/members", body)
    assert answer.status_code == 201, answer.json
    return str(answer.json["id"])


def share(owner: Caller, project: str, member: Caller, role: str = "editor") -> str:
    member_id = invite(owner, project, member.username, role)
    answer = member.put(f"/api/projects/invitations/{member_id}")
    assert answer.status_code == 200, answer.json
    return member_id


def names(user: Caller, path: str) -> list[str]:
    return [row["name"] for row in user.get(path).json]


def test_a_row_is_shared_when_the_invitation_is_accepted(
    ada: Caller, ben: Caller, eve: Caller
) -> None:
    project = made(ada, "/api/projects", name="house")
    member_id = invite(ada, project, "Ben")
    assert names(ben, "/api/projects") == []
    (invitation,) = ben.get("/api/projects/invitations").json
    assert (invitation["name"], invitation["owner"]) == ("house", "ada")
    assert eve.get("/api/projects/invitations").json == []
    assert eve.put(f"/api/projects/invitations/{member_id}").status_code == 404
    assert ben.put(f"/api/projects/invitations/{member_id}").status_code == 200
    assert ben.put(f"/api/projects/invitations/{member_id}").status_code == 404
    assert names(ben, "/api/projects") == ["house"]
    assert names(eve, "/api/projects") == []
    for who in (ada, ben):
        (member,) = who.get(f"/api/projects/{project}/members").json
        assert (member["username"], member["accepted"]) == ("Ben", True)
    assert eve.get(f"/api/projects/{project}/members").status_code == 404


def test_nobody_finds_out_who_exists(ada: Caller, ben: Caller) -> None:
    project = made(ada, "/api/projects")
    answers = [
        ada.post(f"/api/projects/{project}/members", {"username": name})
        for name in ("ben", "nobody")
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json.keys() == answers[1].json.keys()
    shown = ada.get(f"/api/projects/{project}/members").json
    assert [(row["username"], row["accepted"]) for row in shown] == [
        ("ben", False),
        ("nobody", False),
    ]
    assert ben.username == "ben"


def test_an_invitation_that_is_sent_again_is_one_even_after_it_was_declined(
    ada: Caller, ben: Caller
) -> None:
    path = f"/api/projects/{made(ada, '/api/projects')}/members"
    sender = Caller(ada.client, {**ada.headers, "Idempotency-Key": "once"})
    first = sender.post(path, {"username": "ben", "role": "editor"})
    assert ben.delete(f"{path}/{first.json['id']}").status_code == 200
    again = sender.post(path, {"username": "ben", "role": "editor"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert ben.get("/api/projects/invitations").json == []
    other = sender.post(path, {"username": "eve", "role": "editor"})
    assert other.status_code == 422, other.json


def test_an_invitation_that_is_declined_or_old_is_none(
    ada: Caller, ben: Caller, clock: Clock
) -> None:
    project = made(ada, "/api/projects")
    first = invite(ada, project, "ben")
    assert ben.delete(f"/api/projects/{project}/members/{first}").status_code == 200
    assert ben.get("/api/projects/invitations").json == []
    second = invite(ada, project, "ben")
    clock.forward(days=7)
    assert ada.get(f"/api/projects/{project}/members").json == []
    assert ben.put(f"/api/projects/invitations/{second}").status_code == 404
    share(ada, project, ben)


@pytest.mark.parametrize("role", ["editor", "viewer"])
def test_what_a_member_may_do(ada: Caller, ben: Caller, role: str) -> None:
    may = role == "editor"
    project = made(ada, "/api/projects", name="house")
    theirs = made(ada, "/api/costs", project_id=project, name="paint")
    member_id = share(ada, project, ben, role)
    assert names(ben, "/api/costs") == ["paint"]
    assert ben.get(f"/api/costs/{theirs}").status_code == 200
    changed = 200 if may else 403
    assert ben.put(f"/api/projects/{project}", {"name": "hut"}).status_code == changed
    assert ben.put(f"/api/costs/{theirs}", {"name": "glue"}).status_code == changed
    added = ben.post("/api/costs", {"name": "nails", "project_id": project})
    assert added.status_code == (201 if may else 400)
    assert names(ada, "/api/costs") == (["glue", "nails"] if may else ["paint"])
    assert ben.delete(f"/api/costs/{theirs}").status_code == changed
    assert ben.delete(f"/api/projects/{project}").status_code == 403
    members = f"/api/projects/{project}/members"
    assert ben.post(members, {"username": "eve"}).status_code == 403
    assert ben.delete(f"{members}/{member_id}").status_code == 200
    for path in (f"/api/projects/{project}", members, f"/api/costs/{theirs}"):
        assert ben.get(path).status_code == 404
    assert names(ben, "/api/costs") == names(ben, "/api/projects") == []


def test_who_leaves_hands_over_and_who_is_removed_sees_nothing(ada: Caller, ben: Caller) -> None:
    project = made(ada, "/api/projects")
    member_id = share(ada, project, ben)
    made(ben, "/api/costs", project_id=project, name="nails")
    own = made(ben, "/api/projects", name="own")
    made(ben, "/api/costs", project_id=own, name="private")
    assert names(ada, "/api/costs") == ["nails"]
    assert ada.delete(f"/api/projects/{project}/members/{member_id}").status_code == 200
    assert names(ada, "/api/costs") == ["nails"]
    assert names(ben, "/api/costs") == ["private"]
    assert {str(row["user_uuid"]) for row in select("costs", {"name": "nails"})} == {ada.uuid}


def test_rows_can_not_refer_to_what_is_not_ones_own(ada: Caller, ben: Caller, eve: Caller) -> None:
    project, receipt = made(ada, "/api/projects"), made(ada, "/api/receipts")
    hers = made(eve, "/api/projects")
    cost = made(eve, "/api/costs", project_id=hers)
    for field, value in (
        ("project_id", project),
        ("project_id", ABSENT),
        ("receipt_id", receipt),
        ("receipt_id", ABSENT),
        ("payer_id", ada.uuid),
        ("payer_id", ABSENT),
    ):
        body = {"name": "x", "project_id": hers, field: value}
        refused = eve.post("/api/costs", body), eve.put(f"/api/costs/{cost}", {field: value})
        for answer in refused:
            assert answer.status_code == 400
            assert answer.json["error"] == f"{field}: there is no such thing, or it is not yours."
    share(ada, project, ben)
    made(ben, "/api/costs", project_id=project)
    answer = ben.post("/api/costs", {"name": "x", "project_id": project, "receipt_id": receipt})
    assert answer.status_code == 400  # the project is shared, the receipt is not
    for own in ({"receipt_id": None}, {"payer_id": eve.uuid.upper()}):
        assert eve.put(f"/api/costs/{cost}", own).status_code == 200


def test_strangers_reach_nothing(ada: Caller, ben: Caller, eve: Caller, nobody: Caller) -> None:
    project = made(ada, "/api/projects")
    member_id = share(ada, project, ben)
    other = made(eve, "/api/projects")
    members = f"/api/projects/{project}/members"
    attempts: list[tuple[str, str, object]] = [
        ("GET", members, None),
        ("POST", members, {"username": "carl"}),
        ("DELETE", f"{members}/{member_id}", None),
        ("DELETE", f"/api/projects/{other}/members/{member_id}", None),
        ("PUT", f"/api/projects/invitations/{member_id}", None),
        ("PUT", f"/api/projects/{project}", {"name": "mine"}),
        ("DELETE", f"/api/projects/{project}", None),
    ]
    for method, path, body in attempts:
        assert eve.request(method, path, body).status_code == 404, (method, path)
        assert nobody.request(method, path, body).status_code == 401
    for body in (
        {"username": "eve", "role": "owner"},
        {"username": "eve", "user_uuid": eve.uuid},
        {"username": ""},
        {"username": "\u0430da"},
        {"username": "x" * 256},
        {"username": "ADA"},
    ):
        assert ada.post(members, body).status_code == 400
    assert ada.post(members, {"username": "BEN"}).status_code == 409


def test_two_at_once_make_one_member(app: APIFlask, ada: Caller, ben: Caller) -> None:
    project = made(ada, "/api/projects")

    def post(_: int) -> int:
        with app.test_client() as client:
            return client.post(
                f"/api/projects/{project}/members", json={"username": "ben"}, headers=ada.headers
            ).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(post, range(6))) == [201, *[409] * 5]
    assert ben.get("/api/projects/invitations").json


def test_who_is_removed_while_they_write_hands_over_what_they_wrote(
    app: APIFlask, ada: Caller, ben: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = made(ada, "/api/projects")
    path = f"/api/projects/{project}/members/{share(ada, project, ben)}"
    her = Caller(app.test_client(), ada.headers)
    check = OwnedResource._check_references
    with ThreadPoolExecutor(1) as pool:
        removed: list[Future[TestResponse]] = []

        def checked(resource: OwnedResource, data: dict[str, Any]) -> None:
            check(resource, data)
            removed.append(pool.submit(her.delete, path))
            wait(removed, 0.5)  # what is removed now has to wait for what is being written

        monkeypatch.setattr(OwnedResource, "_check_references", checked)
        made(ben, "/api/costs", project_id=project)
        assert removed[0].result(10).status_code == 200
    assert [str(row["user_uuid"]) for row in select("costs")] == [ada.uuid]
    assert names(ben, "/api/costs") == []


def test_rows_and_people_are_bounded(
    ada: Caller, ben: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "MAX_MEMBERS", 2)
    monkeypatch.setattr(sharing, "MAX_SHARED", 1)
    first, second = made(ada, "/api/projects"), made(ada, "/api/projects")
    share(ada, first, ben)
    again = invite(ada, second, "ben")
    assert ben.put(f"/api/projects/invitations/{again}").status_code == 409
    invite(ada, first, "carl")
    answer = ada.post(f"/api/projects/{first}/members", {"username": "dora"})
    assert answer.status_code == 409


def test_a_user_who_goes_takes_the_shared_rows_along(ada: Caller, ben: Caller) -> None:
    project = made(ada, "/api/projects")
    share(ada, project, ben)
    made(ben, "/api/costs", project_id=project)
    delete("users", {"id": UUID(ada.uuid)})
    assert names(ben, "/api/costs") == names(ben, "/api/projects") == []
    assert (count("projects_members"), count("costs")) == (0, 0)


def test_pages_mix_own_rows_and_shared_ones(ada: Caller, ben: Caller) -> None:
    project = made(ada, "/api/projects")
    share(ada, project, ben)
    for number in range(5):
        for who in (ada, ben):
            made(who, "/api/costs", project_id=project, name=f"{number} {who.username}")
    wanted = [f"{number} {name}" for number in range(5) for name in ("ada", "ben")]
    for who in (ada, ben):
        found, path = [], "/api/costs?limit=3"
        while path:
            answer = who.get(path)
            found += [row["name"] for row in answer.json]
            path = answer.headers.get("Link", "").partition("<")[2].partition(">")[0]
        assert found == wanted
    assert [row["name"] for row in ada.get("/api/costs?limit=3&offset=4").json] == wanted[4:7]
    row = select_one("costs", {"name": "0 ben"})
    assert row is not None
    assert str(row["user_uuid"]) == ben.uuid
