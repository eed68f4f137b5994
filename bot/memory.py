"""What the bot remembers of a conversation in one place, and how to take the last change back."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ai.recall import NOTHING_BEFORE, Recall

TURNS_KEPT = 5
UNDO_KEPT = timedelta(minutes=15)

Turn = tuple[str, dict[str, Any]]
"""What was said, and what it was understood as: a command, or `{"commands": [...]}`."""


@dataclass(frozen=True)
class Undo:
    """How to take a change back; `told` is the reply then."""

    told: str
    steps: Callable[[], Awaitable[object]]
    until: datetime


@dataclass
class Memory:
    """What one person said and saw last in one place."""

    history: deque[Turn] = field(default_factory=lambda: deque(maxlen=TURNS_KEPT))
    recall: Recall = NOTHING_BEFORE
    undo: Undo | None = None
    correctable: str = ""  # the latest message, where nothing came of it
    lapsed: bool = False  # whether the last question was left without an answer
    not_done: str = ""  # because of that, for the person

    def note(self, text: str, commands: list[dict[str, Any]]) -> None:
        """Remember what was said, and what it was understood as."""
        made = commands[0] if len(commands) == 1 else {"commands": commands}
        self.history.append((text, made))
