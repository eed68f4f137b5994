"""How long the answers to requests that may be sent again are kept."""

from datetime import datetime, timedelta

from sqlalchemy import delete

from core.db.engine import transaction
from core.tables import idempotency_keys

KEPT = timedelta(hours=24)


def forget_old(now: datetime) -> int:
    """Delete the answers that are older than a day, and return how many they were."""
    old = delete(idempotency_keys).where(idempotency_keys.c.created_at < now - KEPT)
    with transaction() as connection:
        return connection.execute(old).rowcount
