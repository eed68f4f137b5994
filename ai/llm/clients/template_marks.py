"""Marks of a model's chat template, which small models write into their text, kept from people.

A mark in code is shown: there it is what somebody has asked about.
"""

import re

TAGS = (
    "tool_calls?|tool_responses?|tool_results?|function_calls?|function_responses?"  # Qwen, Hermes
    "|(?:start|end)_of_turn"  # Gemma
)
WORDS = "TOOL_CALLS|TOOL_RESULTS|INST"  # Mistral
ROLES = "system|user|assistant|model|tool"
BAR = "[|\N{FULLWIDTH VERTICAL LINE}]"  # around special tokens; the second is DeepSeek's
INSIDE = "[^<>|\\s\N{FULLWIDTH VERTICAL LINE}]"
LOOKED_AT = 100  # characters at the end that may be the beginning of a mark
CODE_BLOCK = 3  # ticks
_TOKEN = re.compile(
    r"(?P<ticks>`+)|(?P<paragraph>\n[ \t]*\n)"
    rf"|<(?P<tag>{TAGS})>(?:\s*(?P<json>[{{\[])|(?:{ROLES})\b)?|</(?:{TAGS})>"
    rf"|<{BAR}{INSIDE}{{1,40}}{BAR}>(?:(?:{ROLES})\b)?|\[/?(?:{WORDS})\]"
)
_HALF = re.compile(
    rf"(?:(?<!`)`+|\n[ \t]*\n?|<(?:{TAGS})>(?:\s*(?:\[/?[A-Z_]{{0,12}})?|[a-z]{{0,9}})"
    rf"|</?[a-z_]{{0,18}}|<{BAR}{INSIDE}{{0,40}}(?:{BAR}(?:>[a-z]{{0,9}})?)?|\[/?[A-Z_]{{0,12}})\Z"
)
"""What may go on as a token, at the end of what came so far."""
_CUT_OFF = re.compile(rf"<(?:/?(?:tool_|function_|start_of|end_of)|{BAR})[^>]*\Z")


class TemplateMarks:
    """A text without marks, and without JSON between two of them; `text` is all of it so far."""

    def __init__(self) -> None:
        self.text = ""
        self._held = ""
        self._code = 0  # ticks of the code that this is in
        self._closing = ""  # the mark that ends what is left out
        self._trims = False

    def hear(self, piece: str) -> str:
        """Take a piece of the text; return what of it can be shown now."""
        self._held += piece
        half = _HALF.search(self._held, max(0, len(self._held) - LOOKED_AT))
        return self._read(half.start() if half else len(self._held))

    def rest(self) -> str:
        """Return what was held back at the end."""
        shown = self.hear("")
        if not self._closing and (self._code or not _CUT_OFF.match(self._held)):
            shown += self._read(len(self._held))
        self._held = ""
        return shown

    def _read(self, end: int) -> str:
        """Work off what is held, up to a place; return what of it is shown."""
        before, at, held = len(self.text), 0, self._held
        while at < end:
            if self._closing:
                found = held.find(self._closing, at)
                at = max(at, len(held) - len(self._closing) + 1) if found < 0 else found
                if found < 0:
                    break
                self._closing = ""
            token = _TOKEN.search(held, at, end)
            is_mark = token is not None and not (token["ticks"] or token["paragraph"] or self._code)
            if token is None:
                shown, at = held[at:end], end
            else:
                shown, at = held[at : token.start() if is_mark else token.end()], token.end()
            self._show(shown)
            if token is not None and is_mark:
                self._closing = f"</{token['tag']}>" if token["json"] else ""
                self._trims = not self.text or self.text[-1].isspace()
            elif token is not None:
                self._code = self._code_after(token)
        self._held = held[at:]
        return self.text[before:]

    def _code_after(self, token: re.Match[str]) -> int:
        if token["paragraph"]:  # code in a line does not go on behind it
            return self._code if self._code >= CODE_BLOCK else 0
        ticks = len(token["ticks"] or "")
        if not (ticks and self._code):
            return ticks or self._code
        is_end = ticks >= self._code if self._code >= CODE_BLOCK else ticks == self._code
        return 0 if is_end else self._code

    def _show(self, text: str) -> None:
        text = text.lstrip() if self._trims else text
        self._trims = self._trims and not text
        self.text += text
