"""Calls of tools that a model writes into its text, as small ones do, instead of making them."""

import json
import re
from collections.abc import Collection
from typing import Any

TAG = "<tool_call>"
OPENERS = (TAG, "```json", "```tool_call", "```")
HEADS = ('{"name"', '{"function"', '[{"name"', '{{"name"')
LOOKED_AT = 80  # characters of the beginning
# Small models double the braces, as the template does that tells them how a call looks.
_OPENER = re.compile(r"\s*(?:<tool_call>|```\w*)?\s*(?:\{(?=\{))?")
_CLOSER = re.compile(r"[\s}]*(?:</tool_call>|```)?\s*,?\s*")


class WrittenCalls:
    """Keeps back what may be a call while the text streams in."""

    def __init__(self, names: Collection[str]) -> None:
        """Look for calls of these tools."""
        self._names = names
        self._held = ""
        self._holds = bool(names)  # what was held so far may be a call

    def hear(self, piece: str) -> str:
        """Take a piece of the text; return what of it can be shown now."""
        if not self._names:
            return piece
        self._held += piece
        if self._holds and _may_be_call(self._held):
            return ""
        self._holds = False
        at = self._held.find(TAG)
        if at < 0:
            at = len(self._held) - _begun_tag(self._held)
        else:
            self._holds = True
        shown, self._held = self._held[:at], self._held[at:]
        return shown

    def rest(self) -> tuple[str, list[tuple[str, dict[str, Any]]]]:
        """Return at the end what was held back: as text, or as the names and arguments of calls."""
        held, self._held = self._held, ""
        calls = _read(held, self._names) if self._holds else []
        return ("" if calls else held), calls


def _may_be_call(text: str) -> bool:
    """Say whether a text, perhaps only its beginning, is that of a call."""
    begun = text[:LOOKED_AT].lstrip()
    for opener in OPENERS:
        if opener.startswith(begun):
            return True
        if begun.startswith(opener):
            begun = begun[len(opener) :]
            break
    bare = "".join(begun.split())
    return any(head.startswith(bare) or bare.startswith(head) for head in HEADS)


def _begun_tag(text: str) -> int:
    """Return how many characters at the end of a text begin a tag."""
    sizes = range(min(len(TAG) - 1, len(text)), 0, -1)
    return next((size for size in sizes if text.endswith(TAG[:size])), 0)


def _read(text: str, names: Collection[str]) -> list[tuple[str, dict[str, Any]]]:
    """Return the calls in a text; none where it has anything else in it."""
    calls: list[tuple[str, dict[str, Any]]] = []
    at = 0
    while at < len(text):
        opened = _OPENER.match(text, at)
        try:
            found, at = json.JSONDecoder().raw_decode(text, opened.end() if opened else at)
        except (ValueError, RecursionError):
            return []
        for one in found if isinstance(found, list) else [found]:
            call = _call(one, names)
            if call is None:
                return []
            calls.append(call)
        closed = _CLOSER.match(text, at)
        at = closed.end() if closed else at
    return calls


def _call(found: Any, names: Collection[str]) -> tuple[str, dict[str, Any]] | None:  # noqa: ANN401
    """Return the name and the arguments of a call, or None where it is none of a known tool."""
    if isinstance(found, dict) and isinstance(found.get("function"), dict):
        found = found["function"]
    if not isinstance(found, dict):
        return None
    name, arguments = found.get("name"), found.get("arguments", found.get("parameters", {}))
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            return None
    if not isinstance(name, str) or name not in names or not isinstance(arguments, dict):
        return None
    return name, arguments
