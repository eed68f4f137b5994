"""The schema as PostgreSQL DDL, for config/schema.sql."""

from sqlalchemy import MetaData
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from core.migrations import head, oldest_compatible
from core.migrations.own_tables import MARK

HEADER = """\
-- The whole schema, as PostgreSQL DDL, to read; the program makes its tables by itself.
-- Written by `python manage.py generate`.
"""
REVISION = """
-- Where the migrations stand, so that they start from here.
CREATE TABLE alembic_version (
\tversion_num VARCHAR(32) NOT NULL,
\toldest_compatible VARCHAR(32),
\tCONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

INSERT INTO alembic_version (version_num, oldest_compatible) VALUES ('{}', '{}');
"""


def postgres_ddl(metadata: MetaData, own: str = "") -> str:
    """Return what makes every table of the metadata, each before those that refer to it.

    `own` is the user's part, which follows as it is.
    """
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    parts = [HEADER]
    for table in metadata.sorted_tables:
        parts.append(f"{str(CreateTable(table).compile(dialect=dialect)).rstrip()};\n")
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            parts.append(f"\n{CreateIndex(index).compile(dialect=dialect)};\n")
    parts.append(REVISION.format(head(), oldest_compatible()))
    generated = "".join(line.rstrip() + "\n" for line in "".join(parts).splitlines())
    return generated + MARK + own
