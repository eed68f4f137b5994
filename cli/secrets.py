"""`manage.py secrets`: make them, and hand them to Kubernetes."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import fail, shown
from config.private import private
from config.secrets import GENERATED_SECRETS, new_secret
from config.settings import Settings, settings_file, values_in

GENERATED = ("db_pass", *GENERATED_SECRETS)
KUBERNETES_NAME = "plain-language-bot"


def secrets(
    kubernetes: Annotated[
        bool, typer.Option("--kubernetes", help="Print those of config/.env as a Secret.")
    ] = False,
) -> None:
    """Write good secrets to config/.env; print them where that file exists already."""
    path = settings_file()
    if kubernetes:
        typer.echo(json.dumps(_manifest(path), indent=2))
        return
    lines = "".join(f"{name.upper()}={new_secret(name)}\n" for name in GENERATED)
    try:
        with open(path, "x", opener=private) as file:
            file.write(lines)
    except FileExistsError:
        lacking = [name.upper() for name in GENERATED if not values_in(path).get(name.upper())]
        advice = f"Add {', '.join(lacking)} to it." if lacking else "It has a value for each."
        typer.echo(lines, nl=False)
        typer.echo(f"{shown(path)} exists and is unchanged. {advice}", err=True)
    except OSError as error:
        typer.echo(lines, nl=False)
        message = f"{shown(path)} can't be written ({error.strerror}): put these lines into it."
        typer.echo(message, err=True)
    else:
        typer.echo(f"Wrote new secrets to {shown(path)}. Only you can read it.")


def _manifest(path: Path) -> dict[str, object]:
    """Return a Secret with what is secret in a settings file: no quotes, no comments.

    Settings that are no secrets belong into a ConfigMap, and are left out. What is no setting may
    be an agent's token, and stays.
    """
    fields = {name.upper(): str(field.annotation) for name, field in Settings.model_fields.items()}
    values = {
        name: value
        for name, value in values_in(path).items()
        if value and "SecretStr" in fields.get(name.upper(), "SecretStr")
    }
    if not values:
        raise fail(f"{shown(path)} has no secrets. `make secrets` writes some.")
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": KUBERNETES_NAME},
        "type": "Opaque",
        "stringData": values,
    }
