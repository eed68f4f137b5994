"""Alembic: apply migrations, compare tables, write a migration. Used by core.migrations."""

import logging
from argparse import Namespace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import Script
from sqlalchemy import Connection, MetaData

from core.tables import Moment, new_uuid

log = logging.getLogger(__name__)

VERSION = sa.table("alembic_version", sa.column("version_num"), sa.column("oldest_compatible"))
MARKED_SINCE = "0009"  # which adds the column oldest_compatible


def upgrade(connection: Connection, scripts: Path, revision: str) -> None:
    """Apply the migrations up to `revision`, or "head"."""
    command.upgrade(config_for(scripts, connection), revision)


def differences(connection: Connection, metadata: MetaData) -> list[Any]:
    """Return what Alembic would change to make the database the metadata's tables."""
    options = {"include_object": _is_declared}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def write(
    connection: Connection, metadata: MetaData, message: str, scripts: Path, number: str
) -> Path:
    """Write the migration from the database as it is to the metadata's tables; return its file."""
    config = config_for(scripts, connection, metadata)
    script = command.revision(config, message, autogenerate=True, rev_id=number)
    assert isinstance(script, Script)  # noqa: S101 - for mypy; it was asked for one
    return Path(script.path)


def _applied(*, ctx: MigrationContext, step: MigrationInfo, **_: object) -> None:
    """Log a migration, and note the oldest one whose programs the database still suits."""
    script: Any = step.up_revision
    log.info("applied migration %s: %s", script.revision, script.doc)
    if script.revision >= MARKED_SINCE and not getattr(script.module, "compatible", False):
        assert ctx.connection is not None  # noqa: S101 - for mypy; there always is one
        ctx.connection.execute(sa.update(VERSION).values(oldest_compatible=script.revision))


def config_for(scripts: Path, connection: Connection, metadata: MetaData | None = None) -> Config:
    """Return what Alembic is told: where the migrations are, on what they run, what it calls."""
    config = Config(cmd_opts=Namespace(quiet=True))
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes.update(
        connection=connection,
        metadata=metadata,
        render_item=_render_item,
        applied=_applied,
        include_object=_is_declared,
    )
    return config


def _is_declared(
    _item: object, _name: str | None, kind: str, reflected: bool, counterpart: object
) -> bool:
    """Leave alone the tables that only the database has: somebody made them in SQL."""
    return not (kind == "table" and reflected and counterpart is None)


def _render_item(kind: str, item: object, _context: object) -> str | bool:
    """Write the program's own types into a migration by name; leave the rest to Alembic."""
    if kind == "type" and isinstance(item, Moment):
        return "tables.Moment()"
    if kind == "server_default" and isinstance(getattr(item, "arg", None), new_uuid):
        return "tables.new_uuid()"
    return False
