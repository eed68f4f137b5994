"""Fields and values of every kind that `new-domain` writes."""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field
from werkzeug.datastructures import MultiDict

from api.console.forms import fields_of, read_form, with_errors
from api.models import Body, Change, Name, optional
from cli.scaffold.domain import AMOUNT, FINITE, SECONDS, WHOLE

Amount, Whole, Seconds, Finite = (
    eval(one, {"Annotated": Annotated, "Field": Field, "Decimal": Decimal})  # noqa: S307
    for one in (AMOUNT, WHOLE, SECONDS, FINITE)
)


class Everything(Body):
    """One of each."""

    name: Name
    pages: Whole
    spent: Seconds | None = None
    rate: Finite | None = None
    price: Amount | None = None
    paid: bool
    read: bool | None = None
    on: dt.date | None = None
    tags: Annotated[list[Name], Field(min_length=1)]
    status: Literal["open", "paid"]


class Less(Change):
    """What can be changed."""

    name: Name = optional()
    price: Amount | None = None


FILLED = {
    "name": "Blue Moon",
    "pages": "7",
    "spent": "1800",
    "rate": "2.5",
    "price": "2.5",
    "paid": "false",
    "read": "",
    "on": "2030-01-31",
    "tags": "red\r\n\r\ngreen\r\n",
    "status": "paid",
}


def test_what_is_filled_in_is_what_the_model_takes() -> None:
    fields = fields_of(Everything)
    read = Everything.model_validate(read_form(fields, MultiDict(FILLED)))

    assert read.tags == ["red", "green"]
    assert read.price == Decimal("2.5")
    assert (read.pages, read.spent, read.rate, read.paid) == (7, 1800, 2.5, False)
    assert (read.read, read.on, read.status) == (None, dt.date(2030, 1, 31), "paid")


def test_each_field_is_shown_by_its_kind() -> None:
    shown = {field.name: field for field in fields_of(Everything)}

    assert {name: field.input for name, field in shown.items() if field.input != "text"} == {
        "pages": "number",
        "spent": "number",
        "rate": "number",
        "price": "number",
        "on": "date",
    }
    assert shown["status"].choices == [("open", "open"), ("paid", "paid")]
    assert [value for value, _ in shown["read"].choices or []] == ["", "true", "false"]
    assert shown["tags"].rows
    assert shown["spent"].hint == "In seconds."
    assert {name for name, field in shown.items() if field.is_needed} == {
        "name", "pages", "paid", "tags", "status",
    }  # fmt: skip


def test_values_come_back_as_they_were() -> None:
    values = {"name": "a\nb", "price": "2.5000", "tags": ["x", "y"], "paid": True, "on": None}
    fields = {field.name: field.value for field in fields_of(Everything, values)}
    assert fields["name"] == "a\nb"
    assert (fields["price"], fields["tags"], fields["paid"], fields["on"]) == (
        "2.5000", "x\ny", "true", "",
    )  # fmt: skip


def test_only_what_differs_is_changed() -> None:
    fields = fields_of(Less, {"name": "x", "price": "2.5000"})
    form = MultiDict({"name": "x", "price": ""})
    assert read_form(fields, form, changes=True) == {"price": None}
    assert read_form(fields, MultiDict({"name": "", "price": "2.5000"}), changes=True) == {
        "name": ""
    }


def test_what_can_not_be_read_is_left_to_the_api() -> None:
    fields = fields_of(Everything)
    assert read_form(fields, MultiDict({"pages": "many"}))["pages"] == "many"
    errors = {"tags.0": "too short", "pages": "no number", "elsewhere": "x"}
    wrong = {one.name: one.error for one in with_errors(fields, MultiDict(FILLED), errors)}
    assert (wrong["tags"], wrong["pages"], wrong["name"]) == ("too short", "no number", "")
