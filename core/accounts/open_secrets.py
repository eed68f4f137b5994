"""Where a person was asked for a secret and may still type it: the place, never the secret."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from core import postgres
from core.db.engine import transaction
from core.tables import open_secrets


class Place(NamedTuple):
    """A person in a channel, as one agent meets them."""

    platform: str
    agent: str
    account_id: str
    channel_id: str


PLACE = [open_secrets.c[name] for name in Place._fields]


def expect(place: Place, until: datetime, now: datetime) -> None:
    """Note that the next message there may be a secret, and forget where that is over."""
    with transaction() as connection:
        connection.execute(sa.delete(open_secrets).where(open_secrets.c.expires_at <= now))
        row = {**place._asdict(), "expires_at": until}
        postgres.upsert("open_secrets", row, [*Place._fields])


def close(place: Place) -> None:
    """Note that the secret came, or that the message which may have been it was not read."""
    postgres.delete("open_secrets", place._asdict())


def are_open(places: Sequence[Place], now: datetime) -> list[bool]:
    """Say of each place whether a message there may be a secret."""
    query = sa.select(*PLACE).where(
        open_secrets.c.expires_at > now, sa.tuple_(*PLACE).in_([*places])
    )
    with transaction() as connection:
        found = {Place(*row) for row in connection.execute(query)}
    return [place in found for place in places]
