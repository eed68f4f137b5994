"""Pages are found by themselves, written as `api/console/page.py` says, and bounded."""

import re
import textwrap
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import pytest
from apiflask import APIFlask
from jinja2 import ChoiceLoader, DictLoader

from api.console import page, site
from api.main import create_app
from config.broken import BrokenModule, load_folder
from config.settings import Settings
from core.db.engine import Database
from core.users import set_role
from tests.support.api import Caller
from tests.support.console import Browser
from tests.support.databases import on_sqlite
from tests.support.waiting import Clock

pytestmark = on_sqlite

EXAMPLE = "\n".join(re.findall(r"^(?:    .*)?$", page.__doc__ or "", re.MULTILINE))
TEMPLATE = """{% extends "templates/base.html" %}{% import "templates/macros.html" as ui %}
{% block title %}Parcels{% endblock %}
{% block content %}{% for row in rows %}{{ ui.confirm(
  url_for("console.parcels.delete", parcel_id=row.id), "Delete", "Delete it?", about=row.name) }}
{% else %}{{ ui.empty("None yet.", "Send one.") }}{% endfor %}
{{ ui.paging(after, "console.parcels.index") }}{% endblock %}"""


def written(source: str) -> ModuleType:
    module = ModuleType("api.console.pages.parcels")
    exec(textwrap.dedent(source).replace("/api/parcels", "/api/errands"), module.__dict__)  # noqa: S102
    return module


@pytest.fixture
def source() -> str:
    return EXAMPLE


@pytest.fixture
def app(
    database: Database,
    settings: Settings,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
) -> Iterator[APIFlask]:
    """The application with the page of the docstring."""
    pages = [*load_folder("api.console.pages"), written(source)]
    monkeypatch.setattr(site, "load_folder", lambda _: iter(pages))
    app = create_app(settings, database, clock)
    more = DictLoader({"pages/parcels.html": TEMPLATE})
    app.jinja_env.loader = ChoiceLoader([more, app.jinja_env.loader])
    return app


def test_a_page_is_written_as_its_docstring_says(ada_in: Browser, ada: Caller) -> None:
    assert "Send one." in ada_in.open("/parcels")
    assert 'aria-current="page">Parcels' in ada_in.open("/parcels")
    row = ada.post("/api/errands", {"name": "tea <b>"}).json
    assert "Delete: tea &lt;b&gt;" in ada_in.open("/parcels")
    page = ada_in.send(f"/parcels/{row['id']}/delete", "/parcels")
    assert "Deleted." in page
    assert "Send one." in page


@pytest.mark.parametrize("source", [EXAMPLE.replace("order=35", 'order=35, access="admin"')])
def test_a_page_for_administrators_is_for_nobody_else(ada_in: Browser) -> None:
    assert "/parcels" not in ada_in.open("/chat")
    refused = ada_in.get("/parcels")
    assert refused.status_code == 403
    assert "Only an administrator" in refused.text
    set_role("ada", "admin")
    assert "/parcels" in ada_in.open("/chat")
    assert ada_in.get("/parcels").status_code == 200
    set_role("ada", "user")
    assert ada_in.get("/parcels").status_code == 403


def test_what_is_wrong_with_a_page_of_ones_own_is_no_page_of_it(
    app: APIFlask, ada_in: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> str:
        raise ValueError("my secret")

    view = app.view_functions["console.parcels.index"]
    broken.__dict__.update(view.__dict__)
    app.view_functions["console.parcels.index"] = broken
    answer = ada_in.get("/parcels")
    assert answer.status_code == 500
    assert "my secret" not in answer.text
    assert answer.headers["X-Request-ID"] in answer.text
    assert "unexpected error in console.parcels.index" in caplog.text


def test_a_file_without_a_page_is_named(app: APIFlask) -> None:
    with pytest.raises(BrokenModule, match=r"x.py has no page = Page\(\.\.\.\)"):
        site._page_of(SimpleNamespace(__name__="x"))


def test_large_and_odd_requests_are_refused_on_a_page(ada_in: Browser) -> None:
    form = {"csrf": ada_in.csrf("/account"), "display_name": "x" * 100_000}
    assert ada_in.client.post("/account", data=form).status_code == 413
    page = ada_in.send("/account", "/account", display_name="a\0b")
    assert "a NUL character" in page
    assert ada_in.client.open("/account", method="PUT").status_code == 405
    for path in ("/account?cursor=%00", "/data/errands?cursor=" + "x" * 600):
        assert ada_in.get(path).status_code == 400
