"""What a person wrote, turned into a command: local sentences first, then the model."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

from ai.catalogue import Catalogue
from ai.configuration import AIConfig
from ai.sentences import Matcher

Command = dict[str, Any]
Turn = tuple[str, Command]
"""A message of the past and what was made of it."""


class ChatModel(Protocol):
    """A language model that answers messages."""


class Parser:
    """Turns texts into commands."""

    def __init__(
        self, catalogue: Catalogue, config: AIConfig, model: ChatModel | None = None
    ) -> None:
        self._catalogue = catalogue
        self._config = config
        self._model = model
        self._matcher = Matcher(catalogue)

    async def parse(
        self,
        text: str,
        interaction_type: str = "command",
        history: Sequence[Turn] = (),
        *,
        allowed: Collection[tuple[str, str]] | None = None,
    ) -> Command:
        """Return the command that the text says, a `needs_clarification`, or an `error`."""
        match = self._matcher.match(text)
        if match and (allowed is None or match.spec.key in allowed):
            interaction, action = match.spec.key
            return {"interaction_type": interaction, "action": action, **match.fields}
        return {
            "error": "I did not understand that.",
            "suggestions": self._matcher.nearest(text),
        }
