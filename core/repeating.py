"""Rows that repeat with their reminder: what "done" means for them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.quiet import zone_of_user
from core.recurrence import next_time


def done_once(
    row: Mapping[str, Any], reminder: Mapping[str, Any] | None, done: bool, now: datetime
) -> dict[str, Any]:
    """Return what changes about a row that repeats when it is done for one time, or not done.

    The time that was due last is done, unless it is already; else the next one, which is left out.
    After the last one, the row itself is done.
    """
    if not done:
        return {"completed_at": None}
    changes: dict[str, Any] = {"completed_at": now}
    last, ticked = reminder and reminder["last_due_at"], row["completed_at"]
    if reminder is None or not reminder["rule"] or (last and (ticked is None or ticked < last)):
        return changes
    zone = zone_of_user(row["user_uuid"])
    since = max(now, reminder["due_at"])
    due_at = next_time(reminder["rule"], reminder["starts"], zone, since)
    return changes | ({"due_at": due_at} if due_at else {"done": True})
