"""A migration that says it is compatible changes nothing that the program before relies on."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa

from core.migrations import SCRIPTS
from core.migrations.alembic_runs import UNMARKED

WRITTEN = sorted((SCRIPTS / "versions").glob("*.py"))
MARKED = [path for path in WRITTEN if path.name[:4] not in UNMARKED]
EXPANDS = {"create_table", "drop_index", "create_table_comment"}


class ByHand(Exception):
    """The rest of a migration is its own SQL."""


class Recorder:
    """Stands for Alembic's `op`: notes what the program before could not live with."""

    def __init__(self) -> None:
        self.breaks: list[str] = []

    def f(self, name: str) -> str:
        return name

    @contextmanager
    def batch_alter_table(self, *_: object, **__: object) -> Iterator["Recorder"]:
        yield self

    def add_column(self, *given: Any, **_: object) -> None:  # noqa: ANN401
        column: sa.Column[Any] = given[-1]
        if not column.nullable and column.server_default is None:
            self.breaks.append(f"the new column {column.name} has to be given")
        if column.unique or column.foreign_keys:
            self.breaks.append(f"the new column {column.name} has a constraint")

    def create_index(self, name: str, *_: object, unique: bool = False, **__: object) -> None:
        if unique:
            self.breaks.append(f"the index {name} makes values unique")

    def alter_column(self, *_: object, nullable: bool | None = None, **changes: object) -> None:
        allowed = {"existing_type", "existing_nullable", "existing_server_default"}
        if nullable is not True or not set(changes) <= allowed:
            self.breaks.append("a column is changed")

    def execute(self, statement: object, **_: object) -> None:
        words = " ".join(str(statement).split())
        if not words.startswith("UPDATE alembic_version "):
            self.breaks.append(f"run by hand: {words}")

    def get_bind(self) -> None:
        self.breaks.append("run by hand: get_bind")
        raise ByHand

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name not in EXPANDS:
            self.breaks.append(name)
        return lambda *_, **__: None


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def breaks(module: ModuleType) -> list[str]:
    module.op = recorder = Recorder()  # type: ignore[attr-defined]
    with suppress(ByHand):
        module.upgrade()
    return recorder.breaks


@pytest.mark.parametrize("path", MARKED, ids=lambda path: path.stem)
def test_each_migration_says_whether_it_is_compatible_and_is(path: Path) -> None:
    module = loaded(path)
    assert isinstance(getattr(module, "compatible", None), bool), "say `compatible = True` or False"
    if module.compatible:
        # What is run by hand and was thought through names its statements in REVIEWED.
        assert [one for one in breaks(module) if one not in getattr(module, "REVIEWED", ())] == []


@pytest.mark.parametrize(
    "line",
    [
        "op.drop_table('a')",
        "op.drop_column('a', 'b')",
        "op.rename_table('a', 'b')",
        "op.add_column('a', sa.Column('b', sa.Integer(), nullable=False))",
        "op.add_column('a', sa.Column('b', sa.Integer(), unique=True))",
        "op.alter_column('a', 'b', new_column_name='c')",
        "op.alter_column('a', 'b', nullable=False)",
        "op.create_index('i', 'a', ['b'], unique=True)",
        "op.create_unique_constraint('u', 'a', ['b'])",
        "op.execute('DELETE FROM a')",
        "for table in ('a',):\n        op.drop_table(table)",
        "with op.batch_alter_table('a') as batch:\n        batch.drop_column('b')",
    ],
)
def test_what_the_program_before_could_not_live_with_is_found(line: str, tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text(
        f"import sqlalchemy as sa\nfrom alembic import op\n\ndef upgrade():\n    {line}\n"
    )
    assert breaks(loaded(path))


def test_what_it_can_live_with_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text(
        """
import sqlalchemy as sa
from alembic import op

def upgrade():
    op.create_table("a", sa.Column("b", sa.Integer()))
    op.create_index(op.f("i"), "a", ["b"])
    op.drop_index("i", "a")
    op.add_column("a", sa.Column("c", sa.Integer(), server_default="0", nullable=False))
    with op.batch_alter_table("a") as batch:
        batch.add_column(sa.Column("d", sa.Integer()))
        batch.alter_column("b", existing_type=sa.Integer(), nullable=True)
"""
    )
    assert breaks(loaded(path)) == []
