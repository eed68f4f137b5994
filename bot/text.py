"""Text on its way to a person: made harmless, or plain.

Replies are Markdown as Discord reads it. What a user, a model or the API wrote is escaped.
"""

import re

BOLD_LIMIT = 200  # a longer name is not worth emphasis, and would be split in the middle of it
NEWLINE_SIGN = "⏎"

_URL = re.compile(r"(https?://[\w./?=&%#~+:;,@!$'-]+)")
_MASKED = re.compile(r"\]\((?=\s{0,9}<?[a-z]{1,20}:)", re.IGNORECASE)
_SPECIAL = re.compile(r"([\\*_~`|<\[\]])")
_LINE_START = re.compile(r"^([^\S\n]*)([#>+-])", re.MULTILINE)
_NUMBERED = re.compile(r"^([^\S\n]*\d+)\.", re.MULTILINE)
_MARKUP = re.compile(r"\\([^\w\s]|_)|\*\*|`+")


def escape(text: str) -> str:
    """Return text that Discord shows letter by letter: no emphasis, masked links or mentions.

    Plain links stay as they are, and work.
    """
    parts = _URL.split(text)
    parts[::2] = [_escape(part) for part in parts[::2]]
    return "".join(parts)


def _escape(text: str) -> str:
    text = _SPECIAL.sub(r"\\\1", text)
    return _NUMBERED.sub(r"\1\\.", _LINE_START.sub(r"\1\\\2", text))


def unmasked(text: str) -> str:
    """Return Markdown in which every link shows where it leads: behind its label, not beneath."""
    return _MASKED.sub("] (", text)


def named(name: str) -> str:
    """Return a name as replies show it: escaped, on one line, and bold where it is short."""
    line = escape(f" {NEWLINE_SIGN} ".join(part for part in name.splitlines() if part.strip()))
    return line if len(name) > BOLD_LIMIT or "://" in name else f"**{line}**"


def plain(text: str) -> str:
    """Return a reply as a terminal shows it: without emphasis, backquotes and escapes."""
    return _MARKUP.sub(lambda found: found[1] or "", text)
