"""Applications that are made fast, since most tests make one."""

from collections.abc import Callable
from typing import Any, ClassVar

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]
READ = ("_parts", "_trace", "_converters", "arguments")


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


def read_paths_once() -> None:
    """Let Werkzeug read each route's path once, however many applications have it."""
    read: Callable[[Rule], None] = Rule.compile
    known: dict[object, dict[str, Any]] = {}

    def compiled(rule: Rule) -> None:
        converters = frozenset(rule.map.converters.items())
        key = (rule.rule, rule.host, rule.subdomain, rule.merge_slashes, converters)
        if rule.defaults or key not in known:
            read(rule)
            known.setdefault(key, {name: getattr(rule, name) for name in READ})
        else:
            vars(rule).update(known[key])
            rule._build = rule._compile_builder(False).__get__(rule, None)
            rule._build_unknown = rule._compile_builder(True).__get__(rule, None)

    Rule.compile = compiled  # type: ignore[method-assign]


class _Compiled(BytecodeCache):
    """Templates that any application has compiled in this process."""

    _known: ClassVar[dict[str, bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._known:
            bucket.bytecode_from_string(self._known[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key] = bucket.bytecode_to_string()


def compile_templates_once() -> None:
    """Let Jinja compile each template once, however many applications show it."""
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": _Compiled()}
