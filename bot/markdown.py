"""Markdown as Discord reads it, cut into messages: what belongs together stays together.

What can't be cut without changing how it looks is a token: an escape, code, a fence, a mention, an
emoji, a link, an address, and what stands between two marks such as `**` or `||`. One that fits
into a message is never cut. A longer one is, and its marks are closed and opened again, so that a
spoiler stays hidden and code stays code.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

BOLD_LIMIT = 200  # a longer name is not worth emphasis, and would be split in the middle of it
NEWLINE_SIGN = "⏎"

_URL = re.compile(r"(https?://[\w./?=&%#~+:;,@!$'-]+)")
_MASKED = re.compile(r"\]\((?=\s{0,9}<?[a-z]{1,20}:)", re.IGNORECASE)
_SPECIAL = re.compile(r"([\\*_~`|<\[\]])")
_LINE_START = re.compile(r"^([^\S\n]*)([#>+-])", re.MULTILINE)
_NUMBERED = re.compile(r"^([^\S\n]*\d+)\.", re.MULTILINE)
_MARKUP = re.compile(
    r"(?P<fence>^[^\S\n]*```[^`\n]*\n.*?(?:^[^\S\n]*```[^\S\n]*$|\Z))"
    r"|\\(?P<escaped>[^\w\s]|_)|\*\*|`+",
    re.DOTALL | re.MULTILINE,
)


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
    """Return a reply as a terminal shows it: without emphasis, backquotes and escapes.

    A block of code stays as it is, in its fences.
    """
    return _MARKUP.sub(lambda found: found["fence"] or found["escaped"] or "", text)


DISCORD_LIMIT = 2000  # characters in one message; Discord's documentation, "Create Message"
MAX_LABEL = 500  # characters of a link's label
MAX_RUN = 16  # backticks or tildes that open code
BREAKS = ("\n\n", "\n", " ")
JOINERS = "\N{ZERO WIDTH JOINER}\N{VARIATION SELECTOR-16}"

_MARK = re.compile(
    r"\\.|`+|~{2,}|\*{2,3}|__|\|\||<|\[|https?://[^\s<>*`|]+", re.DOTALL | re.IGNORECASE
)
_POINTED = re.compile(
    r"<(?:a?:\w{1,32}:\d{1,20}|[@#][!&]?\d{1,20}|t:-?\d{1,15}(?::\w)?|/[^<>\n]{1,100}:\d{1,20}"
    r"|id:\w{1,20}(?::\d{1,20})?|https?://[^\s<>]{1,2000})>",
    re.IGNORECASE,
)
_FENCE_END = re.compile(r"^[^\S\n]*(`{3,}|~{3,})[^\S\n]*$", re.MULTILINE)
_BLANK = re.compile(r" *\n*")
_TICKS = re.compile(r"`+")
_LANGUAGE = re.compile(r"[\w+#.-]{1,20}(?=\n)")


class Span(NamedTuple):
    """A token: where it is, and how it is opened again and closed where it has to be cut."""

    start: int
    end: int
    opener: str = ""
    closer: str = ""
    is_closed: bool = True

    @property
    def overhead(self) -> int:
        """How many characters it takes to cut it."""
        return len(self.opener) + len(self.closer)


class Piece(NamedTuple):
    """A part of a text, and the marks that keep it looking as it did."""

    before: str
    body: str
    after: str

    def __str__(self) -> str:
        """Return it as it is sent."""
        return "".join(self)


def split(text: str, limit: int = DISCORD_LIMIT) -> list[str]:
    """Cut a reply into messages of at most `limit` characters, without blank ones.

    It is cut between paragraphs, else lines, else words, else characters.
    """
    pieces = (str(piece).lstrip("\n").rstrip() for piece in cut(text.strip(), limit))
    return [piece for piece in pieces if piece.strip()]


def fences_closed(text: str) -> str:
    """Return a text of which the end is still missing so that its last code fence is one."""
    open_fence = next((span for span in _tokens(text).opaque if not span.is_closed), None)
    return text + open_fence.closer if open_fence else text


def cut(text: str, limit: int = DISCORD_LIMIT) -> Iterator[Piece]:
    """Yield the pieces of a text: each fits into `limit`, and their bodies joined are the text."""
    if len(text) <= limit:
        yield Piece("", text, "")
        return
    atoms, long = _arranged(_tokens(text), limit)
    starts = [atom.start for atom in atoms]
    position = 0
    while position < len(text):
        around = [span for span in long if span.start < position + limit and position < span.end]
        around = _affordable(around, limit)
        inside = [span for span in around if span.start < position]
        before = "".join(span.opener for span in inside)
        if len(before) + len(text) - position <= limit:
            yield Piece(before, text[position:], "")
            return
        room = limit - len(before) - sum(len(span.closer) for span in around)
        end = _end(text, position, position + room, atoms, starts)
        split_ones = [span for span in around if span.start < end < span.end]
        if not any(span.closer.startswith("\n") for span in split_ones):
            following = bisect_left(starts, end)
            wall = starts[following] if following < len(starts) else len(text)
            blank = _BLANK.match(text, end, min(wall, position + room))
            end = blank.end() if blank else end
        elif text[end] == "\n" and end < position + room:
            end += 1
        split_ones = [span for span in around if span.start < end < span.end]
        after = "".join(span.closer for span in reversed(split_ones))
        body = text[position:end]
        yield Piece(before, body, after[body.endswith("\n") and after.startswith("\n") :])
        position = end


def _affordable(spans: Sequence[Span], limit: int) -> list[Span]:
    """Return the spans whose marks fit beside some text; hiding a spoiler comes first."""
    left, kept = limit // 2, []
    for span in sorted(spans, key=lambda span: span.closer != "||"):
        if span.overhead <= left:
            left -= span.overhead
            kept.append(span)
    return sorted(kept)


def _end(text: str, start: int, end: int, atoms: Sequence[Span], starts: Sequence[int]) -> int:
    """Return where to cut a text that goes on behind `end`, as late as is good."""
    for least in (start + 1 + (end - start) // 3, start + 1):
        for mark in BREAKS:
            at = text.rfind(mark, least, end + len(mark))
            while at >= least and (atom := _around(at, atoms, starts)):
                at = text.rfind(mark, least, atom.start + len(mark))
            if at >= least:
                return at
    if atom := _around(end, atoms, starts):
        return atom.start if atom.start > start else end
    return _before_joined(text, start, end)


def _before_joined(text: str, start: int, end: int) -> int:
    """Step back to where a letter or an emoji with what belongs to it begins."""
    for at in range(end, max(start, end - MAX_RUN), -1):
        joined = text[at] in JOINERS or text[at - 1] in JOINERS or unicodedata.combining(text[at])
        if not joined:
            return at
    return end


def _around(at: int, atoms: Sequence[Span], starts: Sequence[int]) -> Span | None:
    """Return the token that a place is in the middle of, or None."""
    number = bisect_left(starts, at) - 1
    return atoms[number] if number >= 0 and at < atoms[number].end else None


@dataclass
class _Tokens:
    """What a text is made of."""

    opaque: list[Span] = field(default_factory=list)  # tokens in which nothing counts as a mark
    marks: list[Span] = field(default_factory=list)
    pairs: list[Span] = field(default_factory=list)  # from mark to mark


def _arranged(tokens: _Tokens, limit: int) -> tuple[list[Span], list[Span]]:
    """Return what must not be cut, in order and apart, and the tokens that are too long for that.

    Tokens that overlap stay together where they fit.
    """
    too_long = [span for span in (*tokens.opaque, *tokens.pairs) if span.end - span.start > limit]
    cuttable = [span for span in too_long if span.closer]
    # A cut right behind its opening or before its end would leave a piece with nothing in it.
    edges = [Span(one.start, one.start + len(one.opener) + 1) for one in cuttable]
    edges += [Span(one.end - len(one.closer) - 1, one.end) for one in cuttable]
    short = {*tokens.opaque, *tokens.marks, *tokens.pairs, *edges}.difference(too_long)
    pairs = {*tokens.pairs}
    atoms: list[Span] = []
    group: list[Span] = []
    end = 0

    def close() -> None:
        if group and end - group[0].start <= limit:
            atoms.append(Span(group[0].start, end))
            return
        too_long.extend(span for span in group if span in pairs)
        atoms.extend(span for span in group if span not in pairs)

    for span in sorted(short):
        if span.start >= end:
            close()
            group = []
        group.append(span)
        end = max(end, span.end)
    close()
    return atoms, sorted(one for one in too_long if one.closer)


def _tokens(text: str) -> _Tokens:
    """Find the tokens of a text, in a time that grows with its length."""
    found = _Tokens()
    ticks = _Runs(text)
    position = 0
    while mark := _MARK.search(text, position):
        span = _opaque(text, mark, ticks)
        if span is not None:
            found.opaque.append(span)
        elif mark[0] in ("**", "***", "__", "~~", "||"):
            found.marks.append(Span(mark.start(), mark.end(), mark[0], mark[0]))
        position = span.end if span else mark.end()
    found.pairs = _paired(found.marks)
    return found


def _opaque(text: str, mark: re.Match[str], ticks: "_Runs") -> Span | None:
    """Return the token that begins at a mark and holds no others, or None."""
    start, sign = mark.start(), mark[0]
    match sign[0]:
        case "\\" | "h" | "H":
            return Span(start, mark.end())
        case "<":
            pointed = _POINTED.match(text, start)
            return Span(start, pointed.end()) if pointed else None
        case "[":
            return ticks.link(start)
        case "`" | "~" if len(sign) <= MAX_RUN:
            if len(sign) >= 3 and (indent := _indent_of_fence(text, mark)) is not None:
                language = _LANGUAGE.match(text, mark.end())
                opener = f"{sign}{language[0] if language else ''}\n"
                end = ticks.fence_end(mark)
                return Span(start - indent, end or len(text), opener, f"\n{sign}", end is not None)
            if sign[0] == "`" and (end := ticks.code_end(mark)):
                return Span(start, end, sign, sign)
    return None


def _indent_of_fence(text: str, mark: re.Match[str]) -> int | None:
    """Return how far a fence is indented; None for backticks or tildes that open none."""
    before = text[max(0, mark.start() - MAX_RUN) : mark.start()].rpartition("\n")
    if before[2].strip() or not (before[1] or mark.start() <= MAX_RUN):
        return None
    line_end = text.find("\n", mark.end())
    is_code = mark[0][0] in text[mark.end() : line_end if line_end >= 0 else None]  # on one line
    return None if is_code else len(before[2])


class _Runs:
    """Where a text has what ends a token: looked up once, since openers are many."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ticks: dict[int, list[int]] = {}
        for run in _TICKS.finditer(text):
            self._ticks.setdefault(len(run[0]), []).append(run.start())
        self._fences = [(found.start(1), found[1]) for found in _FENCE_END.finditer(text)]
        self._links = [found.start() for found in re.finditer(r"\]\(", text)]

    def code_end(self, mark: re.Match[str]) -> int | None:
        """Return the end of code: as many backticks as it begins with."""
        runs = self._ticks.get(len(mark[0]), [])
        after = bisect_left(runs, mark.end())
        return runs[after] + len(mark[0]) if after < len(runs) else None

    def fence_end(self, mark: re.Match[str]) -> int | None:
        """Return the end of a fence; one of three backticks ends where Discord ends it."""
        if mark[0] == "```":
            at = self._text.find("```", mark.end())
            return at + 3 if at >= 0 else None
        for number in range(bisect_left(self._fences, (mark.end(), "")), len(self._fences)):
            at, run = self._fences[number]
            if run.startswith(mark[0]):
                return at + len(run)
        return None

    def link(self, start: int) -> Span | None:
        """Return the masked link that begins at a bracket, or None."""
        number = bisect_right(self._links, start)
        if number == len(self._links) or self._links[number] - start > MAX_LABEL:
            return None
        inside = self._links[number] + 2
        end = self._text.find(")", inside, inside + DISCORD_LIMIT)
        return Span(start, end + 1) if end >= 0 and "\n" not in self._text[start:end] else None


def _paired(marks: Sequence[Span]) -> list[Span]:
    """Return the spans from each mark to the next of its kind, with something between them."""
    opened: dict[str, Span] = {}
    pairs = []
    for mark in marks:
        before = opened.get(mark.opener)
        if before is None:
            opened[mark.opener] = mark
        elif before.end < mark.start:
            pairs.append(Span(before.start, mark.end, mark.opener, mark.closer))
            del opened[mark.opener]
    return pairs
