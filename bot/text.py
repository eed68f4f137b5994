"""Text on its way to a person: made harmless, split, or plain.

Replies are Markdown as Discord reads it. What a user, a model or the API wrote is escaped.
"""

import re

DISCORD_LIMIT = 2000  # characters in one message; Discord's documentation, "Create Message"
BOLD_LIMIT = 200  # a longer name is not worth emphasis, and would be split in the middle of it
NEWLINE_SIGN = "⏎"

_URL = re.compile(r"(https?://[\w./?=&%#~+:;,@!$'-]+)")
_MASKED = re.compile(r"\]\((?=\s{0,9}<?[a-z]{1,20}:)", re.IGNORECASE)
_SPECIAL = re.compile(r"([\\*_~`|<\[\]])")
_LINE_START = re.compile(r"^([^\S\n]*)([#>+-])", re.MULTILINE)
_NUMBERED = re.compile(r"^([^\S\n]*\d+)\.", re.MULTILINE)
_MARKUP = re.compile(r"\\([^\w\s]|_)|\*\*|`+")
_FENCE = re.compile(
    r"^[^\S\n]*```[^`\n]*$(?:.*?^[^\S\n]*```[^\S\n]*$|(?P<open>.*\Z))", re.MULTILINE | re.DOTALL
)
_BREAKS = (re.compile(r"\n\n+"), re.compile(r"\n"), re.compile(r"\s+"))


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


def split(text: str, limit: int = DISCORD_LIMIT) -> list[str]:
    """Cut a reply into pieces of at most `limit` characters.

    It is cut between paragraphs, else lines, else words, else characters, and never inside a code
    fence that fits into one piece; a longer fence is closed and opened again at a line.
    """
    pieces: list[str] = []
    rest = text.strip()
    while len(rest) > limit:
        piece, rest = _cut(rest, limit)
        if piece.strip():
            pieces.append(piece.rstrip())
    return [*pieces, rest] if rest.strip() else pieces


def fences_closed(text: str) -> str:
    """Return a text of which the end is still missing so that its last code fence is one."""
    is_open = any(found["open"] is not None for found in _FENCE.finditer(text))
    return f"{text}\n```" if is_open else text


def _cut(text: str, limit: int) -> tuple[str, str]:
    """Split off the first piece."""
    fences = [found.span() for found in _FENCE.finditer(text)]
    if fences and fences[0][0] == 0 and fences[0][1] > limit:
        return _cut_fence(text, limit)
    # A fence that starts within reach and ends beyond it is a wall.
    wall = next((start for start, end in fences if start <= limit < end), limit)
    for pattern in _BREAKS:
        spots = [
            found
            for found in pattern.finditer(text, 0, wall + 1)
            if found.start() > 0 and not any(a < found.start() < b for a, b in fences)
        ]
        if spots:
            return text[: spots[-1].start()], text[spots[-1].end() :]
    at = min(wall or limit, limit)
    if _dangling(text[:at]):
        at -= 1
    return text[:at], text[at:]


def _dangling(text: str) -> bool:
    """Say whether a text ends in a backslash that belongs to what comes next."""
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _cut_fence(text: str, limit: int) -> tuple[str, str]:
    """Split off the first piece of a fence that is too long for one."""
    opening, _, body = text.partition("\n")
    close = "\n```"
    room = limit - len(opening) - 1 - len(close)
    at = body.rfind("\n", 1, room + 1)
    at = at if at > 0 else room
    rest = body[at:].removeprefix("\n")
    return f"{opening}\n{body[:at]}{close}", f"{opening}\n{rest}"
