"""Long lists, kept for a while so that they can be turned over page by page."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from uuid import uuid4

KEPT_SECONDS = 15 * 60
MAX_KEPT = 1000
PAGE_LENGTH = 1900  # which leaves room for the number of the page
BULLET = "• "


def is_long_list(text: str) -> bool:
    """Say whether a reply that does not fit into one message is a list more than anything else."""
    lines = [line for line in text.splitlines() if line.strip()]
    return sum(line.startswith(BULLET) for line in lines) * 2 > len(lines)


class Pages:
    """The lists that are being read. The oldest ones make room for new ones."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lists: OrderedDict[str, tuple[float, Sequence[str]]] = OrderedDict()

    def keep(self, parts: Sequence[str]) -> str:
        """Keep a list; return the key to it."""
        key = uuid4().hex[:12]
        self._lists[key] = (self._now() + KEPT_SECONDS, parts)
        while len(self._lists) > MAX_KEPT:
            self._lists.popitem(last=False)
        return key

    def get(self, key: str) -> Sequence[str] | None:
        """Return a list, or None where it is kept no longer."""
        until, parts = self._lists.get(key, (0.0, None))
        return parts if until > self._now() else None

    @staticmethod
    def text(parts: Sequence[str], page: int) -> str:
        """Return a page with its number."""
        return f"{parts[page]}\n\nPage {page + 1} of {len(parts)}"
