"""Somebody who uses the console with a browser."""

from tests.support.console import ada_in, admin, browser, visitor

__all__ = ["ada_in", "admin", "browser", "visitor"]
