"""Alembic: apply migrations, compare tables, write a migration. Used by core.migrations."""

import logging
from argparse import Namespace
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import Script
from sqlalchemy import Connection, MetaData
from sqlalchemy.sql import functions
from sqlalchemy.sql.elements import False_, True_

from core.tables import Moment, new_uuid

log = logging.getLogger(__name__)

VERSION = sa.table("alembic_version", sa.column("version_num"), sa.column("oldest_compatible"))
UNMARKED = {f"{number:04}" for number in range(1, 9)}  # 0009 adds the column oldest_compatible
DEFAULTS: dict[type, str] = {
    new_uuid: "tables.new_uuid()",
    functions.now: "sa.func.now()",
    True_: "sa.true()",
    False_: "sa.false()",
}


def upgrade(connection: Connection, scripts: Path, revision: str) -> None:
    """Apply the migrations up to `revision`, or "head"."""
    command.upgrade(config_for(scripts, connection), revision)


def differences(connection: Connection, metadata: MetaData) -> list[Any]:
    """Return what Alembic would change to make the database the metadata's tables."""
    options = {"include_object": _declared_or()}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def write(
    connection: Connection,
    metadata: MetaData,
    message: str,
    scripts: Path,
    name: str,
    dropped: Collection[str],
) -> Path:
    """Write the migration from the database as it is to the metadata's tables; return its file."""
    config = config_for(scripts, connection, metadata, dropped)
    return _path(command.revision(config, message, autogenerate=True, rev_id=name))


def join(scripts: Path, name: str, heads: list[str], compatible: bool) -> Path:
    """Write a migration that follows several and changes nothing; return its file."""
    config = config_for(scripts)
    config.attributes["compatible"] = compatible
    return _path(command.merge(config, heads, f"Join {' and '.join(heads)}", rev_id=name))


def _path(script: object) -> Path:
    assert isinstance(script, Script)  # noqa: S101 - for mypy; one was asked for
    return Path(script.path)


def _applied(*, ctx: MigrationContext, step: MigrationInfo, **_: object) -> None:
    """Log a migration, and note the oldest one whose programs the database still suits."""
    script: Any = step.up_revision
    log.info("applied migration %s: %s", script.revision, script.doc)
    if script.revision in UNMARKED:
        return
    assert ctx.connection is not None  # noqa: S101 - for mypy; there always is one
    note = sa.update(VERSION)
    if getattr(script.module, "compatible", False):
        # Where a second line of migrations begins, Alembic adds a row of its own for it.
        known = sa.select(sa.func.max(VERSION.c.oldest_compatible))
        oldest = ctx.connection.scalar(known)
        note = note.where(VERSION.c.oldest_compatible.is_(None))
    else:
        oldest = script.revision
    ctx.connection.execute(note.values(oldest_compatible=oldest))


def config_for(
    scripts: Path,
    connection: Connection | None = None,
    metadata: MetaData | None = None,
    dropped: Collection[str] = (),
) -> Config:
    """Return what Alembic is told: where the migrations are, on what they run, what it calls."""
    config = Config(cmd_opts=Namespace(quiet=True))
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes.update(
        connection=connection,
        metadata=metadata,
        render_item=_render_item,
        applied=_applied,
        include_object=_declared_or(dropped),
        process_revision_directives=partial(_drop_whole_tables, dropped),
    )
    return config


def _drop_whole_tables(
    dropped: Collection[str],
    context: MigrationContext,
    _revision: object,
    directives: list[ops.MigrationScript],
) -> None:
    """Drop tables before those that they refer to, and no index of theirs by itself."""
    if not dropped:
        return
    assert context.connection is not None  # noqa: S101 - for mypy; there always is one
    found = MetaData()
    found.reflect(context.connection, only=[*dropped])
    (changes,) = directives[0].upgrade_ops_list
    others = [one for one in changes.ops if getattr(one, "table_name", "") not in dropped]
    tables = [one.name for one in reversed(found.sorted_tables) if one.name in dropped]
    changes.ops = [*map(ops.DropTableOp, tables), *others]


def _declared_or(dropped: Collection[str] = ()) -> Callable[..., bool]:
    """Leave alone the tables that only the database has, unless they are to be dropped."""

    def is_compared(
        _item: object, name: str | None, kind: str, reflected: bool, counterpart: object
    ) -> bool:
        return not (kind == "table" and reflected and counterpart is None) or name in dropped

    return is_compared


def _render_item(kind: str, item: object, _context: object) -> str | bool:
    """Write what each database has its own words for by its name; leave the rest to Alembic."""
    if kind == "type" and isinstance(item, Moment):
        return "tables.Moment()"
    if kind == "server_default":
        default = getattr(item, "arg", None)
        return next((name for cls, name in DEFAULTS.items() if isinstance(default, cls)), False)
    return False
