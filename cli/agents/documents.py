"""Documents as passages: Markdown, plain text, and PDF.

Whoever hands a file in may not have written it. So only regular files are read, up to a size, and
a PDF is read by a process of its own with little time and memory.
"""

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from config.settings import ROOT
from core.agents.knowledge import MAX_CHARS, MAX_DOCUMENTS, MAX_PASSAGE, Passage

MAX_BYTES = 20_000_000  # of a file
MAX_SECONDS = 60  # for a PDF
MAX_MEMORY = 1_000_000_000  # bytes, for a PDF
TEXTS, PDF = {".md", ".markdown", ".txt"}, ".pdf"
HEADING = re.compile(r"#{1,6}[ \t]+(.+)")
NO_TEXT = "it is no text in UTF-8"


class NotRead(Exception):
    """A file can't be used; the message says why."""


def documents_in(path: Path) -> Iterator[tuple[str, Path]]:
    """Yield what is to be read, each with its name: a file, or those in a folder and below it.

    Links are not followed, and hidden files left out. Raises NotRead for what is neither.
    """
    if path.is_symlink() or not (path.is_file() or path.is_dir()):
        raise NotRead("it is no file and no folder (links are not followed)")
    if path.is_file():
        yield path.name, path
        return
    found = 0
    for folder, folders, names in os.walk(path, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder, name)
            hidden = name.startswith(".") or file.suffix.lower() not in {*TEXTS, PDF}
            if hidden or file.is_symlink():
                continue
            found += 1
            if found > MAX_DOCUMENTS:
                raise NotRead(f"it has more than {MAX_DOCUMENTS} documents")
            yield file.relative_to(path).as_posix(), file


def read(path: Path) -> list[Passage]:
    """Return a document's passages. Raises NotRead."""
    suffix = path.suffix.lower()
    if suffix not in {*TEXTS, PDF}:
        raise NotRead("only Markdown, text (.md, .txt) and PDF can be read")
    data = _bytes(path)
    if suffix == PDF:
        pages = _pages(data)
        return [one for place, page in pages for one in _passages(place, page.splitlines())]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotRead(NO_TEXT) from error
    if "\0" in text:
        raise NotRead(NO_TEXT)
    if len(text) > MAX_CHARS:
        raise NotRead(f"it has more than {MAX_CHARS:,} characters")
    parts = _by_heading(text) if suffix != ".txt" else [("", text.splitlines())]
    return [one for place, lines in parts for one in _passages(place, lines)]


def _bytes(path: Path) -> bytes:
    """Return what a regular file holds; nothing else is opened for long."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise NotRead("it is no regular file")
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise NotRead(str(error.strerror)) from error
    if len(data) > MAX_BYTES:
        raise NotRead(f"it is larger than {MAX_BYTES // 1_000_000} MB")
    return data


def _pages(data: bytes) -> list[tuple[str, str]]:
    """Return the text of each page of a PDF."""
    command = [sys.executable, "-m", "cli.agents.pdf", str(MAX_MEMORY), str(MAX_CHARS)]
    try:
        done = subprocess.run(  # noqa: S603 - this Python, with arguments of ours
            command, cwd=ROOT, input=data, capture_output=True, timeout=MAX_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NotRead(f"it can't be read within {MAX_SECONDS} s") from error
    pages: list[str] = []
    if done.returncode == 0:
        with suppress(ValueError):
            pages = json.loads(done.stdout)
    if not pages:
        raise NotRead("it is no PDF that can be read, or needs a password")
    return [(f"page {number}", text) for number, text in enumerate(pages, 1)]


def _by_heading(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the parts of a Markdown document under their headings."""
    heading, lines, in_code = "", list[str](), False
    for line in text.splitlines():
        in_code ^= line.lstrip().startswith("```")
        found = None if in_code else HEADING.match(line)
        if found:
            yield heading, lines
            heading, lines = found[1].strip(" #"), []
        else:
            lines.append(line)
    yield heading, lines


def _passages(place: str, lines: Iterable[str]) -> Iterator[Passage]:
    """Yield passages of whole lines, and of parts of those that are too long."""
    kept, size = list[str](), 0
    for line in lines:
        for start in range(0, len(line) or 1, MAX_PASSAGE):
            piece = line[start : start + MAX_PASSAGE]
            # At an empty line where the passage is half full, so that paragraphs stay whole.
            if kept and (size + len(piece) > MAX_PASSAGE or (not piece and size > MAX_PASSAGE / 2)):
                yield Passage(place, "\n".join(kept).strip())
                kept, size = [], 0
            kept.append(piece)
            size += len(piece) + 1
    if text := "\n".join(kept).strip():
        yield Passage(place, text)
