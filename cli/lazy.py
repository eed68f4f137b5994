"""Commands whose modules are imported when they are chosen.

So a start imports what its command needs and no more, while a command's module has its imports at
its top, as any other. `--help` reads the docstrings out of the source.
"""

import ast
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from cli.errors import fail

CHECKOUT = Path(__file__).parents[1] / "pyproject.toml"  # which the image does not have


class ChangesFiles(str):
    """The target of a command that writes files of the project: in an image they would be lost."""


def load(target: str) -> Any:  # noqa: ANN401 - whatever stands there
    """Import what a target such as "cli.users:promote" names."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


class LazyCommand(TyperCommand):
    """Stands for the command at a target until it is chosen."""

    def __init__(self, name: str, target: str) -> None:
        super().__init__(name)
        self.target = target

    def make_context(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - passed on
        """Import the command and hand over to it: it is what the context runs."""
        if isinstance(self.target, ChangesFiles) and not CHECKOUT.exists():
            raise fail("This changes the project's files: run it in a checkout of it.")
        alone = typer.Typer(add_completion=False)
        alone.command(self.name)(load(self.target))
        return typer.main.get_command(alone).make_context(*arguments, **named)

    def read_help(self) -> None:
        """Read what the command says of itself, without an import."""
        module, _, name = self.target.partition(":")
        spec = find_spec(module)
        assert spec and spec.origin  # noqa: S101 - for mypy; the module lies in the project
        for node in ast.parse(Path(spec.origin).read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                self.help = ast.get_docstring(node)


class LazyGroup(TyperGroup):
    """Knows its commands by name; what they do is read when it is to be shown."""

    def format_help(self, *arguments: Any) -> None:  # noqa: ANN401 - passed on
        """Write the help of the group, with a line for each command."""
        for command in self.commands.values():
            if isinstance(command, LazyCommand):
                command.read_help()
        super().format_help(*arguments)


def group(help_: str | None, commands: Mapping[str, str | LazyGroup]) -> LazyGroup:
    """Return a group of commands, each by the target of its function, and of groups."""
    made = LazyGroup(help=help_, no_args_is_help=True)
    for name, entry in commands.items():
        command = LazyCommand(name, entry) if isinstance(entry, str) else entry
        command.name = name
        made.add_command(command)
    return made
