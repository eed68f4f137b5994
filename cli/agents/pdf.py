"""The text of a PDF from the standard input, as a JSON list of pages: in a process of its own.

Its arguments are how much memory it may take, in bytes, and how many characters are wanted.
"""

import json
import logging
import sys
from io import BytesIO

from pypdf import PdfReader
from pypdf.errors import PyPdfError

MAX_PAGES = 2000
BROKEN = (
    *(PyPdfError, MemoryError, ArithmeticError, LookupError),
    *(RuntimeError, AttributeError, TypeError, ValueError),
)
"""What comes of broken files, and of hostile ones."""


def main(memory: int, characters: int) -> int:
    """Print the pages; return the exit code."""
    try:
        import resource  # not on Windows

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    except (ImportError, OSError, ValueError):
        pass  # a system without it
    logging.disable(logging.CRITICAL)
    pages: list[str] = []
    try:
        for page in PdfReader(BytesIO(sys.stdin.buffer.read())).pages:
            pages.append(page.extract_text().encode("utf-8", "replace").decode())
            characters -= len(pages[-1])
            if characters < 0 or len(pages) > MAX_PAGES:
                return 3
    except BROKEN as error:
        sys.stderr.write(type(error).__name__)
        return 2
    json.dump(pages, sys.stdout)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), int(sys.argv[2])))
