"""When a request to a model is sent again: after a growing pause, where that may help."""

import asyncio
import time

from ai.llm.errors import MAY_PASS
from ai.llm.types import ModelError

RETRIES = 2
MAX_PAUSE = 5.0  # seconds that a person is kept waiting because a server asks for it


class Retry:
    """The tries that are left to one question; `deadline` is by the monotonic clock."""

    def __init__(self, pause_seconds: float, deadline: float) -> None:
        self._pause = pause_seconds
        self._deadline = deadline
        self._left = RETRIES

    async def pause(self, error: ModelError) -> None:
        """Wait before the next try, as long as the server asks. Raises the error if none helps."""
        wait = self._pause if error.retry_after is None else error.retry_after
        is_too_long = wait > MAX_PAUSE or time.monotonic() + wait >= self._deadline
        if error.problem not in MAY_PASS or not self._left or is_too_long:
            raise error
        self._left -= 1
        self._pause *= 2
        await asyncio.sleep(wait)
