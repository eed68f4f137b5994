"""Several models as one: where the first gives no answer, the next is asked."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ai.llm.types import Answer, ChatModel, ModelError, Said, Usage

log = logging.getLogger(__name__)


class Fallbacks:
    """Models in the order in which they are asked.

    One that asks for a pause is passed over until the pause has passed.
    """

    def __init__(
        self, models: Sequence[ChatModel], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Use the models; `clock` counts seconds."""
        self._models = models
        self._clock = clock
        self._rests_until = [0.0] * len(models)

    async def complete(
        self, system: str, turns: Sequence[Said], schema: dict[str, Any] | None = None
    ) -> Answer:
        """Answer with the first model that does. Raises the first one's ModelError."""
        first: ModelError | None = None
        before: tuple[tuple[Usage, str], ...] = ()
        for number, model in enumerate(self._models):
            if self._rests_until[number] > self._clock():
                continue
            try:
                answer = await model.complete(system, turns, schema)
            except ModelError as error:
                log.warning("model %d of %d: %s", number + 1, len(self._models), error.told)
                self._rests_until[number] = self._clock() + (error.retry_after or 0)
                before += ((error.usage, error.model),)
                first = first or error
                continue
            return replace(answer, before=before)
        if first is None:
            raise ModelError("busy")
        first.before = before[1:]
        raise first

    async def aclose(self) -> None:
        """Close all of them."""
        for model in self._models:
            await model.aclose()
