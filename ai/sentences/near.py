"""The one command that a text nearly says, to be offered: it is not certain enough to be done.

Three ways lead there: sentences of which their author says that they are not certain (`near`), a
sentence with chatter around it ("hm, I really should add bread to my tasks"), and the words of a
sentence without slots in another order.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import islice
from typing import Any

from ai.commands import FieldSpec, items
from ai.sentences.following import Index, Match
from ai.sentences.names import is_idiom
from ai.sentences.references import MAKERS, References, named_by
from ai.sentences.search import Attempt, Steps, TooManySteps
from ai.sentences.tokens import (
    DANGLING,
    NO_CHORES,
    QUESTION_WORDS,
    TELLING,
    THINGS,
    TIMES,
    Word,
    split,
)
from ai.times.grammar.phrases import find, read_all
from ai.times.resolve import NOW

MAX_WORDS = 30
# fmt: off
SAYINGS = frozenset({
    "help", "go", "talk", "you", "to", "me", "a", "break", "hug", "minute", "moment", "second",
    "sleep", "rest", "advice", "know", "think", "ask", "say", "leave", "home", "bed", "deal",
    "all", "it", "well", "lost", "bored", "there", "over", "something", "more", "time", "some",
    "us", "someone", "somebody", "money", "doctor", "here", "low", "holiday", "vacation",
    "love", "friend", "friends", "answer", "answers",
})
# fmt: on
"""What is of these words alone is small talk: "we need to talk", "got a minute"."""
# fmt: off
OTHERS = frozenset({
    "someone", "weather", "news", "forecast", "idea", "ideas", "recipe", "recipes", "suggestion",
    "suggestions", "recommendation", "recommendations", "advice", "information", "info", "tips",
    "directions", "instructions", "joke", "jokes", "bad",
})
# fmt: on
"""What is about one of these is asked of somebody who knows: "I need a recipe"."""
# fmt: off
DEVICES = frozenset({
    "door", "doors", "light", "lights", "lamp", "tv", "telly", "television", "channel",
    "heating", "thermostat", "temperature", "music", "song", "volume", "playlist", "radio",
    "spotify", "netflix", "youtube", "app", "browser", "camera", "fan", "blinds", "curtains",
    "alexa", "siri", "phone", "soup", "taste", "group", "server", "dishwasher", "window",
    "windows", "pan", "bowl", "oven", "fridge", "freezer", "dough", "pictures", "photos", "map",
    "maps", "room", "cinema", "threats",
})
# fmt: on
"""Other assistants' business: a list of such a name is not likely shown: "open the door"."""
UNREAD = frozenset({"until", "till", "add"})
"""What has one of these says when, in a way that is not understood, or is a second order."""
UNFINISHED = frozenset(
    {
        "is",
        "are",
        "am",
        "was",
        "not",
        "as",
        "be",
        "nearly",
        "almost",
        "half",
        "get",
        "made",
        *DANGLING,
    }
)
"""What ends so is no name: "the report is not done"."""
# fmt: off
NO_STARTS = {
    "for", "from", "and", "or", "with", "by", "than", "as", "but", "up", "down", "through", "our",
    "us", "to", "in", "along", "out", "off", "back", "around", "over", "way", "too", "at", "on",
}
# fmt: on
"""What begins so is no thing: "need for speed", "sent from my phone", "out of our minds"."""
BEFORE_VERBS = frozenset({"to", "you", "have", "had", "will", "would", "could", "might"})
STATED = frozenset({"is", "are", "was", "were"})  # "pick up lines are cringe" is a statement
MAX_NAME_WORDS, MAX_TIMED_WORDS = 6, 10
NO_NEEDS = frozenset(
    {"about", "you", "know", "this", "that", "these", "those", "what", "which", "whose"}
)
_REASON = re.compile(r"\s*[,;.!?]+\s+|\s+[\u2013-]\s+|\s+(?:because|cause|cos|cuz)\s+", re.I)
"""Between an order and why it is given: "scrap the harp exam, I'm not going"."""
ORDERED = THINGS | {"list", "lists", "reminder", "reminders"}
"""With one of these it is more of a second order than a reason."""
NO_REASONS = QUESTION_WORDS | {"where", "why", "so", "but", "can", "could", "please"}
"""What begins so asks for more: "need a form, how do I get one"."""
ORDERS = frozenset({"take", "put", "get", "set", "let", "make", "give", "tell", "call", "do"})
"""Behind a comma it is an order of its own: "we don't need chairs, take them off"."""
_CLAUSE = re.compile(
    r"[,;:.!?]\s+(?:so|but|how|what|when|where|why|who|can|please|i|it|he|she|they)\b"
    r"|\band\s+(?:at|in|on)\s+\d",
    re.I,
)
"""What goes on so is a sentence: "a quick decision, so roll a dice"."""
_MORE = re.compile(
    r"(?:and|also|plus)\s+(?:add\s+|one\s+for\s+)?(?P<behind>[^?]+?)(?:\s+(?:too|as\s+well))?[.!]*"
    r"|(?P<before>[^?]+?)\s+(?:too|as\s+well)[.!]*",
    re.IGNORECASE,
)
MAX_MORE = 4  # things, and words of one
MAX_BESIDE = 3  # words of a list, a person, or a new name
NO_PLACES = TIMES | TELLING | DANGLING | {"your", "you", "me", "us", "his", "her", "their"}
NO_PLACES |= {"there", "here", "it", "that", "this"}
MAX_TRIES = 16  # at texts with less chatter
# fmt: off
CHATTER = frozenset({
    "i", "we", "you", "me", "us", "should", "must", "need", "want", "have", "got", "gotta", "to",
    "really", "maybe", "perhaps", "think", "guess", "hope", "hey", "hm", "hmm", "well", "ugh", "ok",
    "okay", "alright", "right", "yeah", "yes", "actually", "quickly", "quick", "ah", "oh", "man",
    "dear", "friend", "remember", "let", "go", "ahead", "now", "then", "would", "could",
    "like", "love", "be", "great", "nice", "kind", "good", "idea", "if", "can", "wanna", "pls",
    "please", "also", "first", "just", "time", "so", "asap", "again", "thanks",
    "cheers", "bot", "buddy", "mate", "will", "might", "better", "had", "",
})
# fmt: on
ASIDE = frozenset(
    {"my", "the", "a", "an", "all", "of", "any", "some", "me", "please", "pls", "now"}
)
"""Words that may be missing or too many where the others are in another order."""
QUESTIONS = QUESTION_WORDS | {"is", "are", "do", "does"}
"""A question that begins with one of these is an order: \"what is on groceries?\"."""
ASKS = frozenset({"should", "can", "could", "would", "will", "need", "must", "had", "have"})


def near(
    sure: Index,
    unsure: Index,
    bags: dict[frozenset[str], Match | None],
    text: str,
    references: References,
) -> list[Match]:
    """Return the one command that a text nearly says, for each of the things in a row, or none.

    `unsure` has the sentences that are not certain as well; `bags` are of sentences without slots.
    """
    words = split(text)
    if not 1 < len(words) <= MAX_WORDS:
        return []
    bare = bag(word.text for word in words)
    is_doubt = text.rstrip().endswith("?") and words[0].text not in QUESTIONS
    is_doubt = is_doubt and words[-1].text != "list"  # "shopping list?"
    in_other_order = [one for one in [bags.get(bare)] if one]
    if is_doubt or (words[0].text in ASKS and words[1].text in ("i", "we")):
        return in_other_order
    if others := _more_of_it(text, sure, references):
        return others
    steps = Steps()
    try:
        for index in (sure, unsure):
            parts = _parts(text, words, sure.verbs)
            for part in islice(parts, int(index is sure), None):  # the whole text is no sentence
                attempt = Attempt(
                    index, part, references, steps, is_unsure=index is unsure and part == text
                )
                if orders := attempt.orders():
                    if all(_is_likely(one, sure.verbs) for one in orders):
                        return orders
                    return _with_reason(sure, unsure, text, references, steps)
        if found := _with_reason(sure, unsure, text, references, steps):
            return found
    except TooManySteps:
        return []
    return in_other_order


def _more_of_it(text: str, sure: Index, references: References) -> list[Match]:
    """Return the last order for other things, as in "and eggs" behind "add milk to my tasks"."""
    last = references.last or {}
    spec = sure.specs.get((str(last.get("interaction_type")), str(last.get("action"))))
    thing = next((one.name for one in spec.fields if one.each), "") if spec else ""
    said = _MORE.fullmatch(text.strip()) if thing else None
    if spec is None or said is None:
        return []
    named = items(said["behind"] or said["before"])
    beside = {one.name: last[one.name] for one in spec.fields if _is_place(one, last)}
    found = [Match(spec, beside | {thing: name}) for name in named]
    is_likely = all(len(name.split()) <= MAX_MORE for name in named) and len(named) <= MAX_MORE
    return found if is_likely and all(_is_likely(one, sure.verbs) for one in found) else []


def _is_place(field: FieldSpec, order: Mapping[str, Any]) -> bool:
    return field.kind == "text" and not field.each and field.name in order


def _with_reason(
    sure: Index, unsure: Index, text: str, references: References, steps: Steps
) -> list[Match]:
    """Return the one order of a text with something beside it that is none, or no order."""
    clauses = [clause for clause in _REASON.split(text) if clause]
    if len(clauses) != 2:
        return []
    found = []
    for clause in clauses:
        for index in (sure, unsure):
            attempt = Attempt(index, clause, references, steps, is_unsure=index is unsure)
            if orders := attempt.orders():
                found += orders
                break
        else:
            first, *others = [word.text for word in split(clause)]
            said = {first, *others}
            is_order = ":" in clause or first in NO_REASONS or not ORDERED.isdisjoint(said)
            if is_order or any(map(str.isdecimal, said)) or find(clause):
                return []  # "shout at 6, I need to get the twins"
    if len(found) != 1 or not _is_likely(found[0], sure.verbs):
        return []
    chosen = {field.name: field.chosen_in(text) for field in found[0].spec.parsed_fields}
    more = {name: choice for name, choice in chosen.items() if choice}
    return [replace(found[0], fields=more | found[0].fields)]


def _is_likely(match: Match, verbs: Set[str]) -> bool:
    """Say whether what is beside an order's thing, like a place, is a name, and the thing one too.

    "The soup if it's bland" is no list, and nobody needs to be reminded to "get a life".
    """
    about = named_by(match.spec)
    if any(
        str(match.fields.get(one.name)).casefold() in NOW
        for one in match.spec.fields
        if one.is_time
    ):
        return False
    for field in match.spec.fields:
        words = [word.text for word in split(str(match.fields.get(field.name, "")))]
        if field.kind != "text" or not words:
            continue
        is_saying = words[0] == "get" and (len(words) == 1 or is_idiom(words[1:]))
        is_saying = is_saying or words[0] in NO_STARTS or not STATED.isdisjoint(words[1:])
        is_saying = is_saying or SAYINGS.issuperset(words) or words[-1] in UNFINISHED
        is_timed = any(one.is_time and one.name in match.fields for one in match.spec.fields)
        is_long = len(words) > (MAX_TIMED_WORDS if is_timed else MAX_NAME_WORDS)
        is_saying = is_saying or is_long or words[0] in NO_NEEDS or not OTHERS.isdisjoint(words)
        is_made = match.spec.action in MAKERS
        is_saying = is_saying or (
            not (is_made and field == about) and not DEVICES.isdisjoint(words)
        )
        is_saying = is_saying or words[0] in NO_CHORES
        has_times = any(one.is_time for one in match.spec.fields)
        is_saying = is_saying or (not has_times and bool(find(" ".join(words))))
        is_saying = is_saying or (field == about and not is_made and words[0] in ("a", "an"))
        is_saying = is_saying or not UNREAD.isdisjoint(words) or "list" in words[1:]
        behind = str(match.fields[field.name]).split(", ")[1:]
        firsts = {clause.split(" ")[0].casefold() for clause in behind}
        is_saying = is_saying or not firsts.isdisjoint(verbs | ORDERS)
        is_saying = is_saying or CHATTER.issuperset(words)
        is_saying = is_saying or (is_timed and bool(find(" ".join(words))))  # of a second order
        is_saying = is_saying or bool(_CLAUSE.search(str(match.fields[field.name])))
        is_saying = is_saying or read_all(" ".join(words)) is not None
        is_place = len(words) <= MAX_BESIDE and NO_PLACES.isdisjoint(words)
        is_place = is_place and not find(" ".join(words))
        if is_saying or (field != about and not (is_place and not words[0].isdecimal())):
            return False
    return True


def bag(words: Iterable[str]) -> frozenset[str]:
    """Return the words that count, in no order; none where they are too few to mean anything."""
    found = frozenset(words) - ASIDE
    return found if len(found) > 1 else frozenset()


def _parts(text: str, words: Sequence[Word], verbs: frozenset[str]) -> Iterator[str]:
    """Yield a text, then with less and less of the chatter around it."""
    texts = [word.text for word in words]
    starts = range(_chatter(texts) + 1)
    ends = range(len(words), len(words) - _chatter(texts[::-1]) - 1, -1)
    tries = ((start, end) for end in ends for start in starts if end - start > 1)
    for start, end in islice(tries, MAX_TRIES):
        # "to my tasks" is no "my tasks", "you need help" no "need help"; behind "I want to" stands
        # an order.
        is_order = not start or texts[start - 1] not in BEFORE_VERBS or texts[start] in verbs
        if is_order and not words[start].is_glued:
            yield text[words[start].start : words[end - 1].end]


def _chatter(words: Sequence[str]) -> int:
    """Return how many of the first words are chatter."""
    return next((n for n, word in enumerate(words) if word not in CHATTER), len(words))
