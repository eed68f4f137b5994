"""A real browser, Debian's Chromium, and the program that it looks at."""

from tests.support.browser import page
from tests.support.chat import world

__all__ = ["page", "world"]
