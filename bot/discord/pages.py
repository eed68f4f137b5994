"""Long lists, kept for a while so that they can be turned over page by page."""

import time
from collections.abc import Callable, Sequence
from uuid import uuid4

from cachetools import TTLCache

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
        self._lists: TTLCache[str, Sequence[str]] = TTLCache(MAX_KEPT, KEPT_SECONDS, now)

    def keep(self, parts: Sequence[str]) -> str:
        """Keep a list; return the key to it."""
        key = uuid4().hex[:12]
        self._lists[key] = parts
        return key

    def get(self, key: str) -> Sequence[str] | None:
        """Return a list, or None where it is kept no longer."""
        return self._lists.get(key)

    @staticmethod
    def text(parts: Sequence[str], page: int) -> str:
        """Return a page with its number."""
        return f"{parts[page]}\n\nPage {page + 1} of {len(parts)}"
