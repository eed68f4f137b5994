"""The routes of a domain with every type of field, on every database."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from apiflask import APIFlask

from cli.scaffold.domain import KINDS, read_field, render
from core.db.engine import Database
from core.tables import metadata
from tests.support.api import Caller, ada, app, client, clock, new_user, nobody

__all__ = ["ada", "app", "client", "clock", "new_user", "nobody"]

pytestmark = pytest.mark.every_database

LATER = "2031-05-06T07:08:09.123000Z"
VALUES: dict[str, tuple[object, object]] = {
    "text": ("Ünïcode \N{BEER MUG}", "other"),
    "int": (2**31 - 1, -(2**31)),
    "float": (2.5, -1e-3),
    "decimal": ("12345678901.2345", "-0.0001"),
    "bool": (True, False),
    "date": ("2024-02-29", "0001-01-01"),
    "past_date": ("1999-12-31", "2024-02-29"),
    "future_date": ("2999-12-31", "9999-12-31"),
    "duration": (1800, 2**31 - 1),
    "when": (LATER, "2031-05-06T07:08:10Z"),
    "past": ("2001-05-06T07:08:09Z", "2001-05-06T07:08:10Z"),
    "texts": (["red", "Ünïcode \N{BEER MUG}", "it's"], ["x"] * 50),
    "status": ("open", "in_hand"),
    "price": ("0.1000", "99999999999.9999"),
}
TYPED = [f"a_{kind}:{kind}" for kind in KINDS] + ["a_status:open|in_hand", "a_price:decimal:eur"]


@pytest.fixture
def things(database: Database, app: APIFlask) -> Iterator[str]:
    """The path of a domain that has every type twice: as it is, and optional."""
    written = [*TYPED, *(f"{one.replace('a_', 'my_', 1)}?" for one in TYPED)]
    tables = []
    for number in range(0, len(written), 7):  # as many as one domain may have, and fewer
        plural = f"things{number}"
        fields = [read_field(one) for one in written[number : number + 7]]
        code = render("thing", plural, fields)[f"api/routes/{plural}.py"]
        scope: dict[str, Any] = {"__name__": f"tests.{plural}"}
        exec(code, scope)  # noqa: S102 - what new-domain writes
        tables.append(scope[plural])
        scope["register"](app)
    metadata.create_all(database.engine, tables)
    yield "/api/things"
    metadata.drop_all(database.engine, tables)
    for table in tables:
        metadata.remove(table)


def same(left: object, right: object) -> bool:
    if isinstance(left, str) and left.lstrip("-").replace(".", "", 1).isdigit():
        return Decimal(left) == Decimal(str(right))
    return str(left).replace(".123000Z", ".123Z") == str(right).replace(".123000Z", ".123Z")


@pytest.mark.parametrize("number", [0, 7, 14, 21])
def test_values_come_back_as_they_were(things: str, number: int, ada: Caller) -> None:
    names = [f"{prefix}_{kind}" for prefix in ("a", "my") for kind in VALUES][number : number + 7]
    first, other = (
        {name: VALUES[name.partition("_")[2]][which] for name in names} for which in (0, 1)
    )
    path = f"{things}{number}"
    made = ada.post(path, {"name": "one"} | first)
    assert made.status_code == 201, made.text
    (row,) = ada.get(path).json
    for name, value in first.items():
        assert same(value, row[name]), name
    changed = ada.put(f"{path}/{row['id']}", other)
    assert changed.status_code == 200, changed.text
    again = ada.get(f"{path}/{row['id']}").json
    for name, value in other.items():
        assert same(value, again[name]), name
    if number >= len(VALUES):
        nothing = dict.fromkeys(names)
        assert ada.put(f"{path}/{row['id']}", nothing).status_code == 200
        assert nothing.items() <= ada.get(f"{path}/{row['id']}").json.items()
