"""Work on many people's rows at once, in which one bad row harms no other."""

import logging
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar
from uuid import UUID

from prometheus_client import Counter

from core.db.engine import transaction
from core.errors import AppError, OutOfDate, SystemicFault, Unavailable

logger = logging.getLogger(__name__)

SET_ASIDE = Counter("rows_set_aside", "Rows that a loop could not work on.", ("work",))

ALIKE = 5
"""People of a batch, more than half of all, whose rows fail alike where the program is at fault."""

Result = TypeVar("Result")


def in_batch_or_apart(
    name: str,
    batch: Callable[[], Result],
    owners: Callable[[], Mapping[UUID, UUID]],
    one: Callable[[UUID], Result],
    set_aside: Callable[[UUID, str], None],
    leave: Callable[[Collection[UUID]], None] | None = None,
) -> list[Result]:
    """Work on a batch in one transaction; where that fails, on each of its rows in its own.

    owners: returns whose each row is. A row that fails alone is logged, counted, and given to
    `set_aside` with the reason, which names no user's text. With `leave`, the rows of many people
    that fail alike (see ALIKE) are given to it instead, to be tried again later.

    Raises SystemicFault where nothing but that was done, and Unavailable or OutOfDate where the
    database is away or behind, which is no row's fault.
    """
    try:
        with transaction():
            return [batch()]
    except (Unavailable, OutOfDate):
        raise
    except Exception:
        logger.exception("%s failed for a batch of rows; each is tried by itself", name)
    results: list[Result] = []
    failed: dict[UUID, Exception] = {}
    rows = owners()
    for row_id in rows:
        try:
            with transaction():
                results.append(one(row_id))
        except (Unavailable, OutOfDate):
            raise
        except Exception as error:
            failed[row_id] = error
    kind = _systemic(rows, failed) if leave else None
    left = [row_id for row_id, error in failed.items() if type(error) is kind]
    for row_id in failed.keys() - {*left}:
        why = failed[row_id]
        reason = str(why) if isinstance(why, AppError) else type(why).__name__
        logger.warning("%s: the row %s is set aside: %s", name, row_id, reason)
        SET_ASIDE.labels(name).inc()
        with transaction():
            set_aside(row_id, reason)
    if leave and left and kind:
        told = f"{name}: {len(left)} of {len(rows)} rows fail alike ({kind.__name__})"
        logger.error("%s: they are left as they are, to be tried again", told)
        with transaction():
            leave(left)
        if not results:
            raise SystemicFault(told)
    return results


def _systemic(
    rows: Mapping[UUID, UUID], failed: Mapping[UUID, Exception]
) -> type[Exception] | None:
    """Return the error that the rows of most people fail with, if it is no verdict on them."""
    people: dict[type[Exception], set[UUID]] = {}
    for row_id, error in failed.items():
        if not isinstance(error, AppError):
            people.setdefault(type(error), set()).add(rows[row_id])
    for kind, found in people.items():
        if len(found) >= ALIKE and 2 * len(found) > len({*rows.values()}):
            return kind
    return None
