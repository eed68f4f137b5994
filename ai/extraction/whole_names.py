"""Names with all of their words, of which small models leave out some.

"Call grandma sunday at 5" is no task "grandma", and "email the landlord about the leak" none to
"email landlord".
"""

import re
from functools import lru_cache

from ai.commands import CommandSpec
from ai.extraction.sentence_words import COMMON, FILLERS, sentence_words, split_words
from ai.sentences.near import CHATTER
from ai.sentences.synonyms import ANYWHERE, OPENINGS
from ai.sentences.tokens import DANGLING, LEADING
from ai.times.grammar import phrases

MAX_TEXT = 200  # characters of a message in which a name is looked for
MAX_WORDS = 8  # of a name
_FILLER = rf"(?:(?:{'|'.join(sorted(FILLERS))})\s+)*"
_BEFORE = r"(?:.*\b(?:to|must|gotta|should|please|pls)\s+|\W*)"
"""What stands before a verb: nothing, or "I have to"."""
_QUOTED = re.compile(r"[\"“„«]([^\"“”„«»\n]{1,100})[\"”“»]")
_ABOUT = r"\s+(?:about|regarding|concerning)\s+[^,.;:!?\n]+"
_BESIDE = r"\s+(?:from|with|for|of)\s+(?!(?:me|us|you)\b)[^,.;:!?\n]+"
"""What belongs to a name where the time stands right behind it."""


def whole_name(spec: CommandSpec, name: str, text: str, place: str = "") -> str:
    """Return a name with the verb before it and what it is about, as the message has them.

    `place` is what the thing is put on: behind it, or before it, no part of a name is looked for.
    """
    text = text[:MAX_TEXT]
    words = split_words(name)
    for quoted in _QUOTED.findall(text):
        if {*words} < {*split_words(quoted)}:
            return str(quoted)
    if place or not 1 <= len(words) <= MAX_WORDS:
        return name
    said = rf"\s+{_FILLER}".join(map(re.escape, words))
    found = re.search(rf"(?<!\w){said}(?!\w)", text, re.IGNORECASE)
    if found is None:
        return name
    start, end = found.span()
    before = re.fullmatch(rf"{_BEFORE}(?P<verb>[a-z]+)\s+{_FILLER}", text[:start], re.IGNORECASE)
    if before and before["verb"].casefold() not in _frame(spec):
        start = before.start("verb")
    behind = text[end:]
    times = [first for first, _ in phrases.find(behind) if first]
    if about := re.match(_ABOUT, behind, re.IGNORECASE):
        end += min([about.end(), *times])
    elif times and re.fullmatch(_BESIDE, behind[: times[0]], re.IGNORECASE):
        end += times[0]
    whole = text[start:end].rstrip(" ,").split(" ")
    while len(whole) > 1 and whole[-1].casefold() in DANGLING:
        whole.pop()
    return " ".join(whole) if (start, end) != found.span() else name


@lru_cache(maxsize=1024)
def _frame(spec: CommandSpec) -> frozenset[str]:
    """Return the words before a name that are no part of it."""
    said = [one.split()[0] for row in (*OPENINGS, *ANYWHERE) for one in row]
    near = split_words(" ".join([*spec.near, *said, *LEADING]))
    return sentence_words(spec) | COMMON | CHATTER | {*near}
