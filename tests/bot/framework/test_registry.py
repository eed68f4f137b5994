"""Registering what can be said, and what a broken module is told."""

import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from ai.commands import Catalogue, FieldSpec
from bot.framework.context import Context
from bot.framework.fields import Secret, When
from bot.framework.registry import (
    Action,
    CommandModule,
    RegistrationError,
    Registry,
    get_handler,
    list_registered,
    load_commands,
    register_module,
    registry,
)
from config.broken import BrokenModule
from config.settings import ROOT


@pytest.fixture
def specs() -> Catalogue:
    return Catalogue()


@pytest.fixture
def fresh(specs: Catalogue) -> Registry:
    return Registry(specs)


def module() -> CommandModule:
    shop = CommandModule("shop", "A shop")

    @shop.command("buy {thing}", "get me {thing} {due}", confirm="Buy {thing}?")
    async def buy(ctx: Context, thing: str, due: When | None = None) -> str:
        """Buy something.

        It is paid later.
        """
        return f"{thing} {due}"

    return shop


def test_a_command_is_known_by_its_function(specs: Catalogue, fresh: Registry) -> None:
    fresh.add(module())
    (spec,) = specs
    assert (spec.interaction_type, spec.action) == ("shop", "buy")
    assert spec.description == "Buy something."
    assert spec.fields == (FieldSpec("thing"), FieldSpec("due", "when", required=False))
    assert spec.sentences == ("buy {thing}", "get me {thing} {due}")


def test_raw_handlers_and_modules_stand_side_by_side(fresh: Registry) -> None:
    async def handler(message: object, session: object, parsed: dict[str, Any]) -> None:
        pass

    fresh.register_module("raw", handler)
    fresh.add(shop := module())
    assert fresh.list_registered() == ["raw", "shop"]
    assert fresh.get_handler("raw") is handler
    assert fresh.get_handler("shop") == shop.handle
    assert fresh.get_handler("nothing") is None


def test_registering_the_same_again_is_no_error(specs: Catalogue, fresh: Registry) -> None:
    shop = module()
    fresh.add(shop)
    fresh.add(shop)
    fresh.register_module("raw", shop.handle)
    fresh.register_module("raw", shop.handle)
    assert len(specs) == 1


def test_a_name_is_taken_once(specs: Catalogue, fresh: Registry) -> None:
    fresh.add(module())
    with pytest.raises(RegistrationError, match="'shop'"):
        fresh.add(module())
    with pytest.raises(RegistrationError, match="'shop'"):
        fresh.register_module("shop", module().handle)
    assert len(specs) == 1


def test_registration_is_all_or_nothing(specs: Catalogue, fresh: Registry) -> None:
    specs.add(module().commands["buy"].spec)
    with pytest.raises(ValueError, match="shop buy"):
        fresh.add(module())
    assert fresh.list_registered() == []


def not_async(ctx: Context) -> str:
    """Do something."""
    return ""


async def undocumented(ctx: Context) -> str:
    return ""


async def listed(ctx: Context, things: list[str]) -> str:
    """Do something."""
    return ""


async def named(ctx: Context, name: str, secret: Secret, note: str = "") -> str:
    """Do something."""
    return ""


@pytest.mark.parametrize(
    ("action", "sentences", "confirm", "problem"),
    [
        (not_async, ("do it",), None, "async def"),
        (undocumented, ("do it",), None, "docstring"),
        (named, (), None, "sentence"),
        (listed, ("do it",), None, "'things'"),
        (named, ("do {other}",), None, "{other}"),
        (named, ("do {secret}",), None, "{secret}"),
        (named, ("do [{name}",), None, "can't be read"),
        (named, ("{name}",), None, "fixed word"),
        (named, ("do {name}",), "Do {other}?", "'other'"),
        (named, ("do {name}",), "Do {note}?", "'note'"),
        (named, ("do {name}",), "Do {secret}?", "'secret'"),
    ],
)
def test_a_broken_command_is_refused_by_name(
    action: Action, sentences: tuple[str, ...], confirm: str | None, problem: str
) -> None:
    with pytest.raises(RegistrationError) as refused:
        CommandModule("shop", "A shop").command(*sentences, confirm=confirm)(action)
    assert str(refused.value).startswith(f"{__name__}.{action.__name__}: ")
    assert problem in str(refused.value)


def test_two_functions_of_one_name_are_refused() -> None:
    shop = module()
    with pytest.raises(RegistrationError, match="twice"):
        shop.command("order {thing}")(shop.commands["buy"].action)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of command modules, named `found_commands`."""
    folder = tmp_path / "found_commands"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith("found_commands")]:
        del sys.modules[name]


WORKING = '''
from bot.framework.registry import CommandModule
from bot.framework.context import Context

shop = CommandModule("shop", "A shop")

@shop.command("close the shop")
async def close(ctx: Context) -> str:
    """Close the shop."""
    return "Closed."
'''


def test_modules_are_found_by_themselves(folder: Path, fresh: Registry) -> None:
    (folder / "shop.py").write_text(WORKING)
    (folder / "empty.py").write_text("")
    load_commands("found_commands", fresh)
    load_commands("found_commands", fresh)
    assert fresh.list_registered() == ["shop"]


@pytest.mark.parametrize(
    "broken", ["import nothing_of_this_name", "1 / 0", WORKING.replace('"""', "#"), "def ("]
)
def test_a_broken_module_stops_the_start_with_its_name(
    folder: Path, fresh: Registry, broken: str
) -> None:
    (folder / "bad.py").write_text(broken)
    with pytest.raises(BrokenModule, match=r"found_commands/bad\.py, line \d+: "):
        load_commands("found_commands", fresh)


def test_the_documented_functions_work_on_the_shipped_modules() -> None:
    load_commands()
    assert {"errand", "account", "notification", "usage", "undo"} <= set(list_registered())
    assert get_handler("errand") == registry.modules["errand"].handle
    register_module("errand", registry.modules["errand"].handle)  # the same again


def test_a_sentence_belongs_to_one_command(folder: Path, fresh: Registry) -> None:
    (folder / "one.py").write_text(WORKING)
    (folder / "two.py").write_text(WORKING.replace('"shop"', '"market"'))
    told = r"found_commands/two\.py: the sentence 'close the shop' belongs to shop close and market"
    with pytest.raises(BrokenModule, match=told):
        load_commands("found_commands", fresh)


def test_examples_may_stand_in_a_file_beside_the_module(
    folder: Path, fresh: Registry, specs: Catalogue
) -> None:
    (folder / "shop.py").write_text(WORKING)
    (folder / "shop.toml").write_text('close = [{ say = "Feierabend" }]')
    load_commands("found_commands", fresh)
    (spec,) = specs
    assert spec.examples == (("Feierabend", {}),)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("close = [", "can't read the examples in shop.toml"),
        ('close = [{ name = "x" }]', "can't read the examples in shop.toml: 'say'"),
        ('close = "Feierabend"', "can't read the examples in shop.toml"),
        ('close = [{ say = "x", door = "y" }]', "an example names the unknown field 'door'"),
    ],
)
def test_a_broken_file_of_examples_is_named(
    folder: Path, fresh: Registry, written: str, told: str
) -> None:
    (folder / "shop.py").write_text(WORKING)
    (folder / "shop.toml").write_text(written)
    with pytest.raises(BrokenModule, match=f"found_commands/shop.py.*{told}"):
        load_commands("found_commands", fresh)


def test_files_of_examples_name_commands_that_exist() -> None:
    for file in (ROOT / "bot" / "commands").glob("*.toml"):
        module = import_module(f"bot.commands.{file.stem}")
        (made,) = (one for one in vars(module).values() if isinstance(one, CommandModule))
        assert tomllib.loads(file.read_text("utf-8")).keys() <= made.commands.keys(), file
