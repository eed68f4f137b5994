"""Quiet hours: a stretch of each day, on the user's own clock, in which nothing unasked arrives.

Both are read in loops that all users share, so a value that can't be read raises nothing: a zone
that a newer time zone database lacks is the default one, and a time that is none makes no hours.
"""

import logging
import re
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping

from config.settings import get_settings
from core import postgres

logger = logging.getLogger(__name__)

TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def zone_of(name: str | None) -> ZoneInfo:
    """Return a user's time zone, or the default one."""
    default = get_settings().time_zone
    try:
        return ZoneInfo(name or default)
    except (ValueError, OSError, KeyError):
        logger.warning("there is no time zone %r any more; %s is used", name, default)
        return ZoneInfo(default)


def zone_of_user(user_uuid: UUID) -> ZoneInfo:
    """Return the time zone of a user by id."""
    user = postgres.select_one("users", {"id": user_uuid})
    return zone_of(user["time_zone"] if user else None)


def quiet_until(settings: RowMapping, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Return when the quiet hours end that `now` is in, or None outside of them.

    settings: a row with `quiet_from` and `quiet_to`, times such as 22:00; the hours may go over
    midnight.
    """
    given = [settings[name] or "" for name in ("quiet_from", "quiet_to")]
    if not all(TIME_OF_DAY.fullmatch(one) for one in given):
        return None
    local = now.astimezone(zone)
    begins, ends = map(time.fromisoformat, given)
    at = local.time()
    over_midnight = begins > ends
    inside = at >= begins or at < ends if over_midnight else begins <= at < ends
    if not inside:
        return None
    last_day = local.date() + timedelta(days=over_midnight and at >= begins)
    end = datetime.combine(last_day, ends, zone).astimezone(UTC)
    # Where the clocks skip the end, or come twice to it, it may seem to be past.
    return max(end, now + timedelta(seconds=1))
