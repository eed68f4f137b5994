"""`manage.py generate`: the files that are made from the program."""

from typing import Annotated

import typer

from ai.commands import catalogue
from ai.sentences.explain import ties
from api.discovery import load_routes
from bot.framework.registry import load_commands
from cli.agents.schema import agents_schema_text
from cli.errors import fail, shown
from core import migrations
from core.agents.validation import SCHEMA_FILE
from core.db.ddl import postgres_ddl
from core.migrations.own_tables import SCHEMA, own_part, schema_text
from core.tables import metadata
from docs.settings_table import ENV_EXAMPLE, README, env_example, readme_with_table


def generate(
    check: Annotated[bool, typer.Option("--check", help="Only say what is out of date.")] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse commands said in the same words."),
    ] = False,
) -> None:
    """Renew the generated files: SQL schema, .env.example, schema of agents, README.

    Raises BrokenModule for broken files of routes or commands, and for migrations that are no
    single chain. With --check or --strict it tells of two commands that are said in the same words.
    """
    load_routes()
    migrations.head()
    load_commands()
    files = {
        SCHEMA: postgres_ddl(metadata, own_part(schema_text())),
        SCHEMA_FILE: agents_schema_text(),
        ENV_EXAMPLE: env_example(),
        README: readme_with_table(),
    }
    stale = [
        path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text
    ]
    if (check or strict) and (tied := ties(catalogue)):
        raise fail("\n".join(f"{line}. Change one of them." for line in tied))
    if check and stale:
        names = ", ".join(shown(path) for path in stale)
        raise fail(f"Out of date: {names}. `make format` renews them.")
    for path in stale:
        path.write_text(files[path], "utf-8")
        typer.echo(f"Renewed {shown(path)}.")
