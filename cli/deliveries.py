"""`manage.py deliveries`: what could not be delivered, and another try for it."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from cli.data.tables import show_table
from cli.errors import fail
from cli.preparation import prepare_database
from core.deliveries import dead_letters, queue
from runtime.clock import utc_now

State = Annotated[str, typer.Option(help="dead, held, waiting or sent.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many, the latest first.")]
Ids = Annotated[list[str] | None, typer.Argument(help="Which; see `deliveries list`.")]


def list_(state: State = "dead", limit: Limit = 50) -> None:
    """List deliveries, dead ones unless told otherwise; never their text."""
    prepare_database()
    if state not in dead_letters.STATES:
        raise fail(f"There is no state {state!r}: it is {', '.join(dead_letters.STATES)}.")
    rows = dead_letters.find(state, limit)
    show_table(
        ["id", "user", "channel", "due", "tries", "why"],
        [
            [
                row["id"],
                row["username"],
                row["channel"],
                _when(row["due_at"]),
                row["attempts"],
                row["last_error"],
            ]
            for row in rows
        ],
        f"No delivery is {state}.",
    )


def show(delivery_id: Annotated[str, typer.Argument(help="Which one.")]) -> None:
    """Show one delivery in full, but for its text and its target."""
    prepare_database()
    row = dead_letters.find_one(_id(delivery_id))
    if row is None:
        raise fail(f"There is no delivery {delivery_id}.")
    for name, value in row.items():
        typer.echo(f"{name}: {_when(value) if isinstance(value, datetime) else _said(value)}")


def retry(
    delivery_ids: Ids = None,
    everything: Annotated[bool, typer.Option("--all", help="Every dead one.")] = False,
) -> None:
    """Send dead deliveries again, at once; those that had no way to their user, by the one now."""
    prepare_database()
    if bool(delivery_ids) is everything:
        raise fail("Name the deliveries to send again, or all of them with --all.")
    ids = [_id(text) for text in delivery_ids or []]
    count = dead_letters.retry(None if everything else ids, utc_now())
    typer.echo(f"{count} deliver{'y is' if count == 1 else 'ies are'} to be sent again.")
    if everything and (left := queue.unsent()["dead"]):
        typer.echo(f"{left} stay{'s' if left == 1 else ''} dead: there is no way to the user yet.")
    if count < len(set(ids)):
        missing = len(set(ids)) - count
        raise fail(f"{missing} of them: not dead, not there, or still without a way to the user.")


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise fail(f"{text!r} is no delivery's id; see `deliveries list`.") from error


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _said(value: Any) -> str:  # noqa: ANN401 - a column's
    return "-" if value is None else str(value)
