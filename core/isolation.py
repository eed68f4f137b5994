"""Work on many people's rows at once, in which one bad row harms no other."""

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from prometheus_client import Counter

from core.db.engine import transaction
from core.errors import AppError, OutOfDate, Unavailable

logger = logging.getLogger(__name__)

SET_ASIDE = Counter("rows_set_aside", "Rows that a loop could not work on.", ("work",))

Result = TypeVar("Result")


def in_batch_or_apart(
    name: str,
    batch: Callable[[], Result],
    ids: Callable[[], Sequence[UUID]],
    one: Callable[[UUID], Result],
    set_aside: Callable[[UUID, str], None],
) -> list[Result]:
    """Work on a batch in one transaction; where that fails, on each of its rows in its own.

    A row that fails alone is logged, counted, and given to `set_aside` with the reason, which names
    no user's text. Raises Unavailable or OutOfDate where the database is away or behind, which is
    no row's fault.
    """
    try:
        with transaction():
            return [batch()]
    except (Unavailable, OutOfDate):
        raise
    except Exception:
        logger.exception("%s failed for a batch of rows; each is tried by itself", name)
    results = []
    for row_id in ids():
        try:
            with transaction():
                results.append(one(row_id))
        except (Unavailable, OutOfDate):
            raise
        except Exception as error:
            reason = str(error) if isinstance(error, AppError) else type(error).__name__
            logger.warning("%s: the row %s is set aside: %s", name, row_id, reason)
            SET_ASIDE.labels(name).inc()
            with transaction():
                set_aside(row_id, reason)
    return results
