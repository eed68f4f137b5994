"""Times in German, Spanish and French, as a model may leave them, in the English that is read."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

from ai.extraction.times_elsewhere import may_be_of_time, translated
from ai.languages import Language, language_of
from ai.sentences.tokens import DANGLING
from ai.times.grammar import phrases
from ai.times.grammar.reading import in_ascii

MAX_CHARS = 100  # of words for a time
_LONE_HOUR = re.compile(r"^([^\W\d]+) (\d{1,2})$")
"""What is left of "montag 9 uhr" in English: "monday 9"."""
MAX_TEXT = 200  # characters of a message in which a time is looked for
MAX_RUN = 20  # words in a row that may be of a time, the first of which are looked at
MAX_WORDS = 8  # of it: "nächsten Freitag um halb acht am Abend"
LEFT_OVER = DANGLING | {"is", "are", "was", "were"}
"""What is no end of a name."""
_SAID = re.compile(r"[^\s,;!?]+")


def in_english(words: str) -> str:
    """Return words for a time in English; as they are where they are read, or in no known tongue.

    "morgen um 8" is "tomorrow at 8".
    """
    if len(words) > MAX_CHARS or phrases.read_all(words) is not None:
        return words
    said = translated(in_ascii(words))
    if phrases.read_all(said) is None:
        said = _LONE_HOUR.sub(r"\1 at \2", said)
    return said if phrases.read_all(said) is not None else words


_BEFORE = {
    "en": r"(?:before(?:hand)?|earlier|in\s+advance)(?:\s+(?:that|then|it))?"
    r"(?=\s*(?:$|[,.;!?]|at\b|please\b))",
    "de": r"(?:vorher|davor|zuvor)\b",
    "es": r"antes\b(?!\s+de)",
    "fr": r"avant\b(?!\s+\w)",
}
_EARLIER = {name: re.compile(rf"\s+{one}", re.IGNORECASE) for name, one in _BEFORE.items()}
_LENGTH = re.compile(
    r"(?:half an? |(?:an?|one|two|three|[\d.]+) )(?:quarter of an )?"
    r"(?:minutes?|mins?|hours?|days?|weeks?)"
    r"|(?P<day>(?:the |am |el |le )?(?:day|tag|dia|jour))",
    re.IGNORECASE,
)
_BARE_HOUR = re.compile(r"(?:at )?(\d{1,2})(?::[0-5]\d)?")
MAX_LENGTH = 4  # words: "un cuarto de hora"


def is_readable(time: str) -> bool:
    """Say whether words for a time are one that is read, alone or behind "at"."""
    return any(phrases.read_all(one) is not None for one in (time, f"at {time}"))


def one_time(text: str) -> tuple[str, str] | None:
    """Return the one time that a message names, in its own words and in English, or None.

    Small models translate a time wrongly ("mañana a las 6" into "morning at 6") or work it out;
    these words don't.
    """
    text = text[:MAX_TEXT]
    return before_that(text) or _one_time(text)


def before_that(text: str) -> tuple[str, str] | None:
    """Return "half an hour before that" as what it is before, in a message that names one time."""
    language = language_of(text)
    match = _EARLIER[language].search(text)
    length, before = _length_before(text[: match.start()]) if match else ("", "")
    other = _one_time(before, language) if length else None
    if match is None or other is None:
        return None
    words, time = other
    behind = text[match.end() :].lstrip()
    if at := phrases.read(behind):  # "the day before at noon"
        time = f"{_day_of(time)} {behind[: at[1]]}"
    elif behind.startswith("at "):
        return None
    english = f"{length} before {re.sub('^(?:on|at) ', '', time)}"
    return (f"{words} {match[0]}", english) if phrases.read_all(english) else None


def _length_before(text: str) -> tuple[str, str]:
    """Return the length of time in English that ends a text, or "", and what stands before it."""
    words = text.split()
    for first in range(max(0, len(words) - MAX_LENGTH), len(words)):
        said = " ".join(words[first:])
        for one in (said, translated(f"in {said}").removeprefix("in ")):
            if match := _LENGTH.fullmatch(one):
                return "one day" if match["day"] else one, " ".join(words[:first])
    return "", ""


def _day_of(time: str) -> str:
    """Return a time without its time of day."""
    words = time.split()
    while words and (not (day := phrases.read_all(" ".join(words))) or "time" in day.slots):
        words.pop()
    return " ".join(words)


def hour_as_said(time: str, text: str) -> str:
    """Return a time of day with the "pm" that the message has behind its hour."""
    hour = _BARE_HOUR.fullmatch(time)
    if hour is None:
        return time
    said = re.findall(rf"\b{hour[1]}(?::[0-5]\d)?\s?[ap]\.?m\b", text, re.IGNORECASE)
    return said[0] if len(said) == 1 else time


def completed(time: str, text: str) -> str:
    """Return a time of day with the day that stands elsewhere in a message.

    "Tomorrow" is the day of "don't let me leave tomorrow without the parcel, 4:50pm".
    """
    found = phrases.read_all(time)
    if found is None or found.slots != {"time"}:
        return time
    said = (text[slice(*span)] for span in phrases.find(text[:MAX_TEXT]))
    days = [one for one in said if (day := phrases.read_all(one)) and "time" not in day.slots]
    whole = f"{days[0]} {time}" if len(days) == 1 else ""
    return whole if phrases.read_all(whole) else time


def names_time(text: str) -> bool:
    """Say whether a message names a time, or several."""
    return bool(_all_times(text[:MAX_TEXT], language_of(text)))


def _one_time(text: str, language: Language | None = None) -> tuple[str, str] | None:
    found = _all_times(text, language or language_of(text))
    return found[0] if len(found) == 1 else None


@lru_cache(maxsize=64)
def _all_times(text: str, language: Language) -> tuple[tuple[str, str], ...]:
    """Return the times that a text names, in its own words and in English.

    They are asked for several times of one message, so the last ones are kept.
    """
    if language == "en":
        return tuple((text[slice(*span)],) * 2 for span in phrases.find(text))
    return tuple(found for run in _runs(text) for found in _times_in(text, run[:MAX_RUN]))


def _runs(text: str) -> Iterator[list[tuple[int, int]]]:
    """Yield where words stand that may be a time together, run by run."""
    words = [match.span() for match in _SAID.finditer(text)]
    for may_be, run in groupby(words, lambda span: may_be_of_time(text[slice(*span)])):
        if may_be:
            yield [*run]


def _times_in(text: str, words: list[tuple[int, int]]) -> Iterator[tuple[str, str]]:
    """Yield the times in a run of words, the longest first, as they were said and in English."""
    found: list[tuple[int, int]] = []
    for length in range(min(MAX_WORDS, len(words)), 0, -1):
        for first in range(len(words) - length + 1):
            last = first + length - 1
            if any(first <= end and start <= last for start, end in found):
                continue
            span = text[words[first][0] : words[last][1]]
            english = in_english(span)
            if english != span:
                found.append((first, last))
                yield _trimmed(span, english), english


def _trimmed(span: str, english: str) -> str:
    """Return a time without a last word that says nothing of it: "demain à 18h de"."""
    shorter = span.rpartition(" ")[0]
    while shorter and in_english(shorter) == english:
        span, shorter = shorter, shorter.rpartition(" ")[0]
    return span


def without_time(name: str, time: str, *, is_english: bool) -> str:
    """Return a name without the part of a message's time, as it was said, that it ends with.

    The name "meds at 8" of "meds at 8 every day" is "meds", "Sam's birthday is next saturday" is
    "Sam's birthday", and "alarma mañana" of "alarma mañana a las 6" is "alarma".
    """
    if not is_english:
        said = {*time.casefold().split()}
        words = name.split(" ")
        while len(words) > 1 and words[-1].casefold() in said:
            words.pop()
        return " ".join(words)
    ends = (start for start, _ in phrases.find(name) if name[start:].casefold() in time.casefold())
    words = name[: next(ends, 0)].rstrip(" ,").split(" ")
    while len(words) > 1 and words[-1].casefold() in LEFT_OVER:
        words.pop()
    return " ".join(words) or name
