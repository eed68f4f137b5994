"""What a model thinks aloud in its text, kept from the person while the text streams in."""

import re

from ai.extraction.json_reply import THOUGHT_MARKS

MAX_MARK = max(len(mark) for mark in THOUGHT_MARKS) + len("</>")
_OPENING = re.compile(rf"\s*<({'|'.join(THOUGHT_MARKS)})>", re.IGNORECASE)
_CLOSING = re.compile(rf"</({'|'.join(THOUGHT_MARKS)})>\s*", re.IGNORECASE)


def without_begun_thoughts(text: str) -> str:
    """Return a whole text without thoughts of which only the end is marked (vLLM's parsers)."""
    closed = _CLOSING.search(text)
    if closed is None or f"<{closed[1]}>" in text[: closed.start()]:
        return text
    return text[closed.end() :] or text


class ReasoningFilter:
    """The text without the thoughts that it begins with; `text` is all of it so far.

    Some servers leave the thoughts of a reasoning model in its answer, between marks.
    """

    def __init__(self) -> None:
        self.text = ""
        self._held = ""  # what may be a mark, or thoughts
        self._begun = self._thinks = False

    def hear(self, piece: str) -> str:
        """Take a piece of the stream; return what of it can be shown now."""
        if self._begun:
            return self._say(piece)
        self._held += piece
        if not self._thinks and (found := _OPENING.match(self._held)):
            self._thinks, self._held = True, self._held[found.end() :]
        if self._thinks:
            found = _CLOSING.search(self._held)
            if found is None:
                self._held = self._held[-MAX_MARK:]
                return ""
            self._thinks, self._held = False, self._held[found.end() :]
        start = self._held.lstrip()
        if not start or (start[0] == "<" and len(start) < MAX_MARK):
            return ""
        return self.rest()

    def rest(self) -> str:
        """Return what was held back at the end of the stream, unless they are thoughts."""
        held, self._held = ("" if self._thinks else self._held), ""
        self._begun = self._begun or not self._thinks
        return self._say(held)

    def _say(self, piece: str) -> str:
        piece = piece if self.text else piece.lstrip()
        self.text += piece
        return piece
