"""Route modules are found by themselves, and a broken one stops the start with its name."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from apiflask import APIFlask

import api.main
from api import routes
from api.discovery import BrokenModule, load_routes
from api.main import create_app, register_routes
from api.security import public
from config.settings import Settings
from core.database import Database

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
    files = {path.stem for path in Path(routes.__path__[0]).glob("*.py")} - {"__init__"}
    assert {module.__name__ for module in load_routes()} == {f"api.routes.{name}" for name in files}


def test_a_new_file_needs_no_registration(
    write: Write, settings: Settings, database: Database
) -> None:
    write(
        "pingpong",
        "from api.security import public\n"
        "def register(app):\n"
        "    @app.get('/ping')\n"
        "    @public\n"
        "    def ping():\n"
        "        return {'pong': True}\n",
    )
    client = create_app(settings, database).test_client()
    assert client.get("/ping").json == {"pong": True}


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
    name = write("broken_one", source)
    with pytest.raises(BrokenModule) as caught:
        create_app(settings, database)
    assert name in str(caught.value)
    assert reason in str(caught.value)


def test_a_module_from_elsewhere_can_be_registered(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.main, "_added", [])
    module = ModuleType("a_users_own")

    def register(app: APIFlask) -> None:
        @app.get("/own")
        @public
        def own() -> dict[str, bool]:
            return {"own": True}

    vars(module)["register"] = register
    register_routes(module)
    client = create_app(settings, database).test_client()
    assert client.get("/own").json == {"own": True}
