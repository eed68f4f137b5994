"""Names with all of their words, of which small models leave out some.

"Call grandma sunday at 5" is no task "grandma", and "email the landlord about the leak" none to
"email landlord".
"""

import re
from collections.abc import Callable
from functools import lru_cache

from ai.commands import CommandSpec
from ai.extraction.sentence_words import COMMON, FILLERS, row_in, sentence_words, split_words
from ai.languages import Language
from ai.sentences.near import CHATTER
from ai.sentences.synonyms import ANYWHERE, OPENINGS
from ai.sentences.tokens import DANGLING, LEADING
from ai.times.grammar import phrases

MAX_TEXT = 200  # characters of a message in which a name is looked for
MAX_WORDS = 8  # of a name
_FILLER = rf"(?:(?:{'|'.join(sorted(FILLERS))})\s+)*"
_BEFORE = r"(?:.*\b(?:to|must|gotta|should|please|pls)\s+|\W*)"
"""What stands before a verb: nothing, or "I have to"."""
_OF = re.compile(
    r"\s+(?:(?:of|de|del|du|des|von|vom)\s+(?:(?:la|los|las|le|les)\s+)?|d['’]|de l['’])",  # noqa: RUF001
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“„«]([^\"“”„«»\n]{1,100})[\"”“»]")
_VERB_BEFORE = re.compile(rf"{_BEFORE}(?P<verb>[a-z]+)\s+{_FILLER}", re.IGNORECASE)
_ABOUT = re.compile(r"\s+(?:about|regarding|concerning)\s+[^,.;:!?\n]+", re.IGNORECASE)
_BESIDE = re.compile(r"\s+(?:from|with|for|of)\s+(?!(?:me|us|you)\b)[^,.;:!?\n]+", re.IGNORECASE)
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
    found = row_in(words, text, FILLERS.__contains__, most=MAX_WORDS)
    if found is None:
        return name
    start, end = found
    before = _VERB_BEFORE.fullmatch(text[:start])
    if before and before["verb"].casefold() not in _frame(spec):
        start = before.start("verb")
    behind = text[end:]
    times = [first for first, _ in phrases.find(behind) if first]
    if about := _ABOUT.match(behind):
        end += min([about.end(), *times])
    elif times and _BESIDE.fullmatch(behind[: times[0]]):
        end += times[0]
    whole = text[start:end].rstrip(" ,").split(" ")
    while len(whole) > 1 and whole[-1].casefold() in DANGLING:
        whole.pop()
    return " ".join(whole) if (start, end) != found else name


_ABOUT_NAME = re.compile(r"\s*(?:about|regarding|re|for|with)\s+", re.IGNORECASE)
WHOM = frozenset({"i", "me", "us", "you", "it"})
_VERB = {
    "es": r"\w{2,}(?:ar|er|ir)(?:se|me|le|lo|la)?",
    "fr": r"\w{2,}(?:er|ir|re|oir)",
}
_BETWEEN = {
    "es": r"(?:(?:a|al|con|de|del|el|la|los|las|un|una|mi|mis)\s+)*",
    "fr": r"(?:(?:à|au|aux|avec|du|des|de|le|la|les|un|une|mon|ma|mes)\s+|[ld]['’])*",  # noqa: RUF001
}
_BELONGS = {
    "de": r"an|am|auf|aus|bei|beim|für|im|in|ins|mit|nach|ohne|von|vom|zu|zum|zur",
    "es": r"a|al|con|de|del|desde|en|para|por|sin",
    "fr": r"à|au|aux|avec|chez|dans|de|des|du|en|pour|sans|sur",
}
_CLAUSE = r"(?:(?!\s(?:und|oder|y|e|o|et|ou|que|qui|dass|damit|porque|car|parce)\s)[^|,.;:!?\n])+"
_TO = re.compile(r"\s+zu(?=\s+[a-zäöüß]{2,}(?:en|ern|eln)\s*(?:$|[|,.;!?]))")
_INFINITIVE = re.compile(r"\s+(?:(?!wir|ich|ihn)[a-zäöüß]{2,}(?:en|ern|eln))(?=\s*(?:$|[|,.;!?]))")


def whole_name_elsewhere(
    name: str, text: str, time: str, language: Language, is_said: Callable[[str], bool]
) -> str:
    """Return a name in German, Spanish or French with its verb and what belongs to it.

    `time` are the message's own words for a time, where a name ends. `is_said` tells the words that
    orders are given in: "rappelle-moi de" is no part of a name.
    """
    text = text[:MAX_TEXT].replace(time, "|") if time else text[:MAX_TEXT]
    if language == "de":
        text = _TO.sub("", text)  # "die Harfe zum Hafen zu bringen"
    words = name.split()[:MAX_WORDS]
    found = None
    while words and not found:  # a model may translate the end: "croquettes for Minou"
        found = row_in(split_words(" ".join(words)), text, lambda one: len(one) <= 3)
        words.pop()  # "renovar DNI" is "renovar el DNI"
    if found is None or len(split_words(name)) > MAX_WORDS:
        return name
    start, end = found
    if language in _VERB:
        before = rf"({_VERB[language]})\s+{_BETWEEN[language]}$"
        verb = re.search(before, text[:start], re.IGNORECASE)
        if verb and not is_said(verb[1]):
            start = verb.start()
    behind = re.match(rf"\s+(?:{_BELONGS[language]})\s+({_CLAUSE})", text[end:], re.IGNORECASE)
    if behind and not any(map(is_said, split_words(behind[1])[-1:])):
        end += behind.end()
    verb = _INFINITIVE.match(text[end:]) if language == "de" else None
    if verb and not is_said(verb[0].strip()):
        end += verb.end()
    whole = text[start:end].strip()
    return whole if len(whole) >= len(name) or end > found[1] else name


def joined(one: object, other: object, text: str) -> str:
    """Return two names of a text that are one, or an empty text: "cours" and "poterie"."""
    first, then = (row_in(split_words(str(name)), text) for name in (one, other))
    is_one = first and then and _OF.fullmatch(text[first[1] : then[0]])
    return text[first[0] : then[1]] if first and then and is_one else ""


def around_time(spec: CommandSpec, name: str, text: str, is_said: Callable[[str], bool]) -> str:
    """Return a name that a time stands in: "call the school" of "at nine about the inhaler"."""
    spans = phrases.find(text[:MAX_TEXT])
    if len(spans) != 1:
        return name
    before, behind = text[: spans[0][0]].rstrip(" ,"), text[spans[0][1] : MAX_TEXT]
    about = _ABOUT_NAME.match(behind)
    words = split_words(before)
    is_name = about and behind[about.end() :].rstrip(" .!?").casefold().endswith(name.casefold())
    is_frame = not words or words[0] in _frame(spec) or not WHOM.isdisjoint(words)
    if not is_name or is_frame or all(is_said(one) or one in COMMON for one in words):
        return name  # "heads up at nine for Jo"
    return f"{before} {behind.strip(' .!?')}" if before.replace(" ", "").isalpha() else name


@lru_cache(maxsize=1024)
def _frame(spec: CommandSpec) -> frozenset[str]:
    """Return the words before a name that are no part of it."""
    said = [one.split()[0] for row in (*OPENINGS, *ANYWHERE) for one in row]
    near = split_words(" ".join([*spec.near, *said, *LEADING]))
    return sentence_words(spec) | COMMON | CHATTER | {*near}
