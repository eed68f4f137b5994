"""Applications that are made fast, since most tests make one."""

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]


def build_urls_on_demand() -> None:
    """Let Werkzeug write the functions that build URLs when one is built.

    It writes two for each route of each application, which is most of the work of making one; and
    hardly any test asks for a URL.
    """
    write: Callable[[Rule, bool], Builder] = Rule._compile_builder

    def later(rule: Rule, append_unknown: bool = True) -> Builder:
        written: Builder | None = None

        def build(self: Rule, **values: Any) -> tuple[str, str]:  # noqa: ANN401
            nonlocal written
            if written is None:
                written = write(rule, append_unknown)
            return written(self, **values)

        return build

    Rule._compile_builder = later  # type: ignore[method-assign]
