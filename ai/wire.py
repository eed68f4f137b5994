"""What servers put into their answers, in the many ways in which they put it; for every client.

Mistral's Magistral sends `content` as a list of parts; others send counts as strings, or cut a
character that takes two code units of UTF-16 into two pieces of a stream.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

MAX_REASON = 300  # characters
HIGH = ("\ud800", "\udbff")
"""The first and the last code unit of UTF-16 that is only half a character."""
TEXT_PARTS = {"text", "output_text"}
WORD = re.compile(r"\w{3,}")


def text(value: object) -> str:
    """Return the text of a message's `content`: a string, or a list of parts."""
    if isinstance(value, str):
        return value
    parts = value if isinstance(value, list) else []
    told = [part if isinstance(part, Mapping) else vars(part) for part in parts if part is not None]
    return "".join(str(one.get("text") or "") for one in told if one.get("type") in TEXT_PARTS)


def number(value: object) -> int:
    """Return a count of tokens; what is none counts as 0."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:12])
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12:
        return int(value)
    return 0


def whole(pieces: str) -> str:
    """Return a text without halves of characters."""
    try:
        pieces.encode()
    except UnicodeEncodeError:
        return pieces.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return pieces


class Joiner:
    """Joins the halves of characters that a stream has cut."""

    def __init__(self) -> None:
        self._half = ""

    def hear(self, piece: str) -> str:
        """Return what is whole by now."""
        piece, self._half = self._half + piece, ""
        if piece and HIGH[0] <= piece[-1] <= HIGH[1]:
            piece, self._half = piece[:-1], piece[-1]
        return whole(piece)


def reason(body: object, said: Iterable[str]) -> str:
    """Return why a server refused, for the log: its own words, without any of the user's."""
    told = body
    if isinstance(body, bytes):
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            return ""
    told = told.get("error", told) if isinstance(told, dict) else told
    if not isinstance(told, dict):
        told = {"message": told}
    parts = [told.get(name) for name in ("type", "code", "param", "message")]
    line = " ".join(str(part) for part in parts if isinstance(part, str | int))[:MAX_REASON]
    theirs = {word.lower() for one in said for word in WORD.findall(one)}
    return WORD.sub(lambda word: "…" if word[0].lower() in theirs else word[0], line)


def object_of(value: object) -> dict[str, Any]:
    """Return an object of JSON; an empty one for anything else."""
    return value if isinstance(value, dict) else {}
