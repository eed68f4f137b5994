"""Route modules are found by themselves, and a broken one stops the start with its name."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from apiflask import APIFlask

import api.main
from api import routes
from api.discovery import BrokenModule, load_routes
from api.http.security import public
from api.main import create_app, register_routes
from config.settings import ROOT, Settings
from core.db.engine import Database
from tests.support.databases import on_sqlite

Write = Callable[[str, str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a module into a folder that counts as a part of api/routes for one test."""
    monkeypatch.setattr(routes, "__path__", [*routes.__path__, str(tmp_path)])
    before = set(sys.modules)

    def add(name: str, source: str) -> str:
        (tmp_path / f"{name}.py").write_text(source, "utf-8")
        return f"api.routes.{name}"

    yield add
    for name in set(sys.modules) - before:
        del sys.modules[name]
        if name.startswith("api.routes."):
            vars(routes).pop(name.rpartition(".")[2], None)


def test_every_file_in_the_folder_is_a_route_module() -> None:
    folder = Path(routes.__path__[0])
    names = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    names |= {path.parent.name for path in folder.glob("*/__init__.py")}
    assert {module.__name__ for module in load_routes()} == {f"api.routes.{name}" for name in names}


def test_importing_the_routes_reads_no_settings_and_opens_no_database(tmp_path: Path) -> None:
    """The command line's schema and migrations import them with no service set up."""
    done = subprocess.run(
        [sys.executable, "-c", "import api.main; api.main.load_routes()"],
        cwd=tmp_path,
        env={"APP_ENV": "production", "PYTHONPATH": str(ROOT), "DATA_DIR": str(tmp_path / "var")},
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert not (tmp_path / "var").exists()


@on_sqlite
def test_a_new_file_needs_no_registration(
    write: Write, settings: Settings, database: Database
) -> None:
    write(
        "pingpong",
        "from api.http.security import public\n"
        "def register(app):\n"
        "    @app.get('/ping')\n"
        "    @public\n"
        "    def ping():\n"
        "        return {'pong': True}\n",
    )
    client = create_app(settings, database).test_client()
    assert client.get("/ping").json == {"pong": True}


@on_sqlite
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_of_this_name", "nothing_of_this_name"),
        ("def register(app) return", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ("VALUE = 1", "register(app)"),
        ("register = 5", "register(app)"),
        ("def register(app): raise RuntimeError('no luck')", "no luck"),
        ("def register(): pass", "TypeError"),
    ],
)
def test_a_broken_module_stops_the_start_with_its_name(
    write: Write, settings: Settings, database: Database, source: str, reason: str
) -> None:
    write("broken_one", source)
    with pytest.raises(BrokenModule, match=r"broken_one\.py") as caught:
        create_app(settings, database)
    assert reason in str(caught.value)


@on_sqlite
def test_a_module_from_elsewhere_can_be_registered_before_and_after(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.main, "_added", [])
    register_routes(module_with("early"))
    monkeypatch.setattr(api.main, "app", create_app(settings, database), raising=False)
    register_routes(module_with("late"))
    register_routes(import_module("api.routes.accounts"))  # it is there already
    client = api.main.app.test_client()
    assert client.get("/early").json == client.get("/late").json == {"found": True}


@on_sqlite
def test_the_application_is_made_when_it_is_asked_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(vars(api.main), "app", raising=False)
    app = api.main.app
    assert app is api.main.app
    assert app.test_client().get("/health").json == {"status": "ok"}
    del api.main.app
    with pytest.raises(AttributeError, match="nothing"):
        _ = api.main.nothing


def module_with(name: str) -> ModuleType:
    """Return a module whose one route is named after it."""
    module = ModuleType(name)

    def register(app: APIFlask) -> None:
        @app.get(f"/{name}", endpoint=name)
        @public
        def view() -> dict[str, bool]:
            return {"found": True}

    vars(module)["register"] = register
    return module
