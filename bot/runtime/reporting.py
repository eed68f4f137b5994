"""Tells the API every few seconds what agents do, for as long as a process of the bot runs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from bot.activity import ACTIVITY, Activity
from bot.api.client import ApiAway, ApiClient, ApiError

logger = logging.getLogger(__name__)

EVERY = 10.0  # seconds between two reports


@asynccontextmanager
async def telling(api: ApiClient, activity: Activity = ACTIVITY) -> AsyncIterator[None]:
    """Report to the API for the length of the context."""
    root = logging.getLogger()
    root.addHandler(activity)
    task = asyncio.create_task(_tell(api, activity))
    try:
        yield
    finally:
        root.removeHandler(activity)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _tell(api: ApiClient, activity: Activity) -> None:
    while True:
        await asyncio.sleep(EVERY)
        await report(api, activity)


async def report(api: ApiClient, activity: Activity) -> None:
    """Tell the API what is new; while it is away, that waits."""
    told = activity.take()
    if told is None:
        return
    try:
        await api.service("agents/report", told)
    except ApiAway:
        activity.put_back(told)
    except ApiError as error:
        logger.debug("the API does not take what agents do: %s", error.message)
