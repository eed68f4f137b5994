"""The OpenAPI document keeps its word: schemathesis sends what it allows, and what it forbids."""

import os
from functools import cache
from typing import Any

import hypothesis
import pytest
import schemathesis
from apiflask import APIFlask
from hypothesis import HealthCheck, given
from pydantic import SecretStr
from schemathesis import Case, GenerationMode
from schemathesis.config import (
    ChecksConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)
from schemathesis.config._checks import NegativeDataRejectionConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.http.security import SERVICE_KEY_HEADER
from api.main import create_app
from config.settings import get_settings
from core.auth import get_login_token
from core.db.engine import Database
from core.postgres import insert, select, select_one, upsert
from core.users import Role, register_user, set_role
from tests.support.databases import on_sqlite
from tests.support.people import PASSWORD

METRICS_TOKEN = "m" * 40
# What no schema can say is a documented 400: whether a zone exists, how many bytes a password has.
BEYOND_SCHEMAS = [positive_data_acceptance]
EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "12"))  # for each operation
TABLES = {
    "task_id": "tasks",
    "list_id": "task_lists",
    "user_uuid": "users",
}
EASY = {"errands", "examples"}  # tables of which a name makes a row
HEALTH = "health"  # what is in no blueprint
PARTS = [
    HEALTH,
    *(name for name in create_app().blueprints if not name.startswith(("openapi", "console"))),
]


def headers(case: Case, role: Role) -> dict[str, str]:
    """The right to call an operation: the document says whose it is."""
    schemes = [name for one in case.operation.definition.raw["security"] for name in one]
    if schemes == ["user"]:
        if select_one("users", {"username": "ada"}) is None:
            register_user("ada", PASSWORD)  # again, where an example deleted the account
        set_role("ada", role)
        return {"Authorization": f"Bearer {get_login_token('ada', PASSWORD)}"}
    if schemes == ["service"]:
        return {SERVICE_KEY_HEADER: get_settings().service_key.get_secret_value()}
    return {"Authorization": f"Bearer {METRICS_TOKEN}"} if schemes else {}


def name_what_is_there(case: Case) -> None:
    """Put the id of a row that exists into the path, so that more than a 404 is tried."""
    owner = select_one("users", {"username": "ada"})
    for name in case.path_parameters or {}:
        table = table_of(case.path, name)
        if owner is not None and table:
            mine = {} if name == "user_uuid" else {"user_uuid": owner["id"]}
            rows = select(table, mine, limit=1) or [made(table, owner)]
            case.path_parameters[name] = str(rows[0]["id"])


def table_of(path: str, name: str) -> str | None:
    """Return the table whose row a part of a path names, if it is known."""
    domain = path.split("/")[2]
    return TABLES.get(name) or next((t for t in (domain, f"{domain}s") if t in EASY), None)


def made(table: str, owner: dict[str, Any]) -> dict[str, Any]:
    """Make a row that a path can name, with what it belongs to."""
    mine = {"user_uuid": owner["id"], "name": "x"}
    if table != "tasks":
        return insert(table, mine)
    home = upsert("task_lists", mine, ["user_uuid", "name"])
    return insert("tasks", mine | {"list_id": home["id"]})


def config() -> SchemathesisConfig:
    """Take 413 for a refusal too: what is generated depends on the strings of loaded modules."""
    refused = NegativeDataRejectionConfig()
    refused.expected_statuses = [*refused.expected_statuses, "413"]
    checks = ChecksConfig(negative_data_rejection=refused)
    return SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(checks=checks)))


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document, which is the same for every application."""
    document: dict[str, Any] = create_app().test_client().get("/openapi.json").json
    return document


def parts(app: APIFlask) -> dict[str, str]:
    """Return in which part of the API each operation is, by the operation's id."""
    return {
        f"{method.lower()}_{rule.endpoint.replace('.', '_')}": rule.endpoint.rpartition(".")[0]
        or HEALTH
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }


@on_sqlite
def test_every_operation_is_in_a_part(database: Database) -> None:
    app = create_app(database=database)
    documented = {
        operation["operationId"]
        for path in app.spec["paths"].values()
        for method, operation in path.items()
        if method != "parameters"
    }
    places = parts(app)
    assert len(documented) > 40
    assert {places[operation] for operation in documented} == {*PARTS}


@on_sqlite
@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_as_documented(database: Database, mode: GenerationMode, part: str) -> None:
    settings = get_settings().model_copy(update={"metrics_token": SecretStr(METRICS_TOKEN)})
    app = create_app(settings, database)
    schema = schemathesis.openapi.from_dict(document(), config=config())
    schema.app = app
    places = parts(app)
    for found in schema.get_all_operations():
        operation = found.ok()
        described = operation.definition.raw
        if places[described["operationId"]] != part:
            continue
        can_be_wrong = described.get("parameters") or "requestBody" in described
        if mode.is_negative and not can_be_wrong:
            continue
        sent = 0

        @hypothesis.settings(
            max_examples=EXAMPLES,
            suppress_health_check=list(HealthCheck),
            derandomize="SCHEMA_EXAMPLES" not in os.environ,
        )
        @given(operation.as_strategy(mode))
        def send(case: Case) -> None:
            nonlocal sent
            given = headers(case, "user" if sent % 4 == 3 else "admin")
            if sent % 2 and mode.is_positive:
                name_what_is_there(case)
            case.call_and_validate(headers=given, excluded_checks=BEYOND_SCHEMAS)
            sent += 1

        send()
        assert sent >= (EXAMPLES if can_be_wrong else 1)
