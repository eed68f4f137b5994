"""Times in German, Spanish and French, as a model may leave them, in the English that is read."""

import re

from ai.extraction.grounding import NUMBER_WORDS, TIME_WORDS, TRANSLATIONS
from ai.languages import language_of
from ai.sentences.tokens import DANGLING
from ai.times.grammar import phrases
from ai.times.grammar.reading import in_ascii
from ai.times.wording import ordinal

MAX_CHARS = 100  # of words for a time
_HOUR = r"(?P<hour>\d{1,2})"
_DAY = r"(?P<day>\d{1,2})\.?$"
PATTERNS: tuple[tuple[str, str], ...] = (
    (r"übermorgen|pasado mañana|après-demain", "in 2 days"),
    (r"morgen früh|mañana por la mañana|demain matin", "tomorrow morning"),
    (r"heute abend|esta (?:noche|tarde)|ce soir", "tonight"),
    (r"(?:de|por) la mañana|(?:du|le) matin|am morgen|morgens|vormittags", "in the morning"),
    (r"(?:de|por) la tarde|(?:de )?l.après-midi|nachmittags|am nachmittag", "in the afternoon"),
    (r"(?:de|por) la noche|(?:du|le) soir|abends|am abend", "in the evening"),
    (r"a(?:m|n) wochenende|el fin de semana|le week-end", "at the weekend"),
    (r"(?:(?:nächsten?|nächstes) )(?P<day>\w+)", r"next \g<day>"),
    (r"(?:el |la )?(?P<day>\w+) (?:prochaine?|que viene)", r"next \g<day>"),
    (r"(?:todos|toutes|tous) (?:los|las|les)|cada|chaque|jede[nrs]?|alle", "every"),
    (rf"(?:bis(?: zum)?|antes del|hasta el|para el) {_DAY}", "date"),
    (rf"(?:avant le|pour le|d.ici le) {_DAY}", "date"),
    (r"am (?P<day>\d{1,2})\.$", "date"),
    (r"halb (?P<hour>1[0-2]|[1-9])", "half"),
    (r"(?P<part>viertel|dreiviertel) (?:(?P<side>vor|nach) )?(?P<hour>1[0-2]|[1-9])", "part"),
    (r"(?P<hour>1[0-2]|[1-9]) (?P<side>y|menos) (?P<part>cuarto|media)", "part"),
    (r"(?P<hour>1[0-2]|[1-9]) ?(?:h|heures?) (?P<side>et|moins le) (?P<part>quart|demie?)", "part"),
    (rf"(?<!dans ){_HOUR} ?h(?:eures?)?(?: ?(?P<minute>\d\d))?", "clock"),
    (rf"{_HOUR}(?:[:.](?P<minute>\d\d))? uhr(?: (?P<more>\d\d))?", "clock"),
    (r"um|gegen|a las?|à|vers", "at"),
    (r"en|dans|nach", "in"),
    (r"am|den|der|dem|el|los|las|le|les|la|l|de|du|des", ""),
)
_PATTERNS = [(re.compile(rf"(?<!\w)(?:{one})(?!\w)"), other) for one, other in PATTERNS]
_LONE_HOUR = re.compile(r"^([^\W\d]+) (\d{1,2})$")
"""What is left of "montag 9 uhr" in English: "monday 9"."""
_LATER = frozenset({"morgen", "mañana"})  # that is both "tomorrow" and "morning"
MAX_TEXT = 200  # characters of a message in which a time is looked for
MAX_WORDS = 8  # of it: "nächsten Freitag um halb acht am Abend"
LEFT_OVER = DANGLING | {"is", "are", "was", "were"}
"""What is no end of a name."""
_SAID = re.compile(r"[^\s,;!?]+")
_WORD = re.compile(r"[^\W\d_]+")


def in_english(words: str) -> str:
    """Return words for a time in English; as they are where they are read, or in no known tongue.

    "morgen um 8" is "tomorrow at 8".
    """
    if len(words) > MAX_CHARS or phrases.read_all(words) is not None:
        return words
    said = _WORD.sub(_digits, in_ascii(words).casefold())
    said = re.sub(r"(?<=\d)\.(?=\s)", "", said)  # "am 3. März"
    for pattern, other in _PATTERNS:
        said = pattern.sub(lambda match, other=other: _put(match, other), said)  # type: ignore[misc]
    said = " ".join(_WORD.sub(_translated, said).split())
    if phrases.read_all(said) is None:
        said = _LONE_HOUR.sub(r"\1 at \2", said)
    return said if phrases.read_all(said) is not None else words


def one_time(text: str) -> tuple[str, str] | None:
    """Return the one time that a message names, in its own words and in English, or None.

    Small models translate a time wrongly ("mañana a las 6" into "morning at 6") or work it out;
    these words don't.
    """
    text = text[:MAX_TEXT]
    if language_of(text) == "en":
        spans = phrases.find(text)
        return (text[slice(*spans[0])],) * 2 if len(spans) == 1 else None
    words = [match.span() for match in _SAID.finditer(text)]
    found: list[tuple[int, int, str, str]] = []
    for length in range(min(MAX_WORDS, len(words)), 0, -1):
        for first in range(len(words) - length + 1):
            last = first + length - 1
            if any(first <= end and start <= last for start, end, *_ in found):
                continue
            span = text[words[first][0] : words[last][1]]
            english = in_english(span)
            if english != span:
                found.append((first, last, span, english))
    return found[0][2:] if len(found) == 1 else None


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


def _put(match: re.Match[str], other: str) -> str:
    if other == "half":  # halb acht is half past seven
        return f"{(int(match['hour']) - 1) % 24}:30"
    if other == "part":  # Viertel vor sechs is 5:45, and so is dreiviertel sechs
        minutes = 30 if match["part"] in ("media", "demie", "demi") else 15
        if match["side"] in ("vor", "menos", "moins le"):
            minutes = 60 - minutes
        elif match["side"] is None:  # as they say in some parts
            minutes = 45 if match["part"] == "dreiviertel" else 15
        is_before = match["side"] not in ("nach", "y", "et")
        return f"{(int(match['hour']) - is_before) % 24}:{minutes:02}"
    if other == "date":
        return f"by the {ordinal(match['day'])}"
    if other == "clock":
        groups = match.groupdict()
        return f"{match['hour']}:{groups['minute'] or groups.get('more') or '00'}"
    return match.expand(other) if "\\" in other else other


def _translated(match: re.Match[str]) -> str:
    word = match[0]
    return _ENGLISH.get(word) or _ENGLISH.get(word.removesuffix("s")) or word


def _digits(match: re.Match[str]) -> str:
    return _NUMBERS.get(match[0], match[0])


# fmt: off
_PARTS = {
    "a", "an", "half", "halb", "media", "demie", "quarter", "viertel", "quart", "cuarto",
    "dreiviertel",
}
# fmt: on
_NUMBERS = {
    word: str(number)
    for number, said in reversed(NUMBER_WORDS.items())
    for word in said.split()
    if word not in TIME_WORDS | _PARTS
}
_ENGLISH = {
    word: english
    for english, said in reversed(TRANSLATIONS.items())
    for word in said.split()
    if english != "morning" or word not in _LATER
} | {"midi": "noon"}
