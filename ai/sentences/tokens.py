"""A text as words to compare, each with its place in the text; politeness and typing slips."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

PUNCTUATION = ".,!?;:…\"“”„«»‘’'()[]*_`~-–—"  # noqa: RUF001
CONTRACTIONS = {
    "what's": ("what", "is"),
    "whats": ("what", "is"),
    "who's": ("who", "is"),
    "where's": ("where", "is"),
    "how's": ("how", "is"),
    "that's": ("that", "is"),
    "it's": ("it", "is"),
    "i'm": ("i", "am"),
    "i'd": ("i", "would"),
    "i've": ("i", "have"),
    "i'll": ("i", "will"),
    "let's": ("let", "us"),
    "we're": ("we", "are"),
    "we've": ("we", "have"),
    "im": ("i", "am"),
    "ive": ("i", "have"),
    "there's": ("there", "is"),
    "today's": ("today", "s"),
    "todays": ("today", "s"),
    "tomorrow's": ("tomorrow", "s"),
    "tomorrows": ("tomorrow", "s"),
    "week's": ("week", "s"),
    "gimme": ("give", "me"),
    "gotta": ("got", "to"),
    "wanna": ("want", "to"),
    "don't": ("do", "not"),
    "dont": ("do", "not"),
    "doesn't": ("does", "not"),
    "isn't": ("is", "not"),
    "can't": ("can", "not"),
    "cannot": ("can", "not"),
    "mustn't": ("must", "not"),
    "mustnt": ("must", "not"),
    "shouldn't": ("should", "not"),
    "cant": ("can", "not"),
    "won't": ("will", "not"),
    "wont": ("will", "not"),
    "didn't": ("did", "not"),
    "didnt": ("did", "not"),
    "haven't": ("have", "not"),
    "havent": ("have", "not"),
    "wasn't": ("was", "not"),
    "wasnt": ("was", "not"),
    "wats": ("what", "is"),
    "lemme": ("let", "me"),
}
GREETINGS = ("hey", "hi", "hiya", "heya", "hello", "ok", "okay", "yo")
ASSISTANTS = ("bot", "robot", "alexa", "siri", "google", "cortana", "bixby", "jarvis", "assistant")
"""What people call a bot of whatever name."""
LEADING = (
    *(f"{greeting} {name}" for greeting in GREETINGS for name in (*ASSISTANTS, "there")),
    *GREETINGS,
    *ASSISTANTS,
    *(
        "please",
        "pls",
        "plz",
        "kindly",
        "oops",
        "wait",
        "also",
        "and",
        "oh",
        "so",
        "now",
        "just",
        "then",
    ),
    *("nah", "nope", "ugh", "hm", "hmm", "um", "uh", "sorry", "actually", "dude"),
    *("no wait", "actually no", "no no", "oh no", "no sorry", "wait no"),
    "can you",
    "could you",
    "can we",
    "could we",
    *("can i get", "can i have", "could i get", "could i have"),
    "would you",
    "would you mind",
    "will you",
    "i want you to",
    "i need you to",
    "i would like you to",
    "i would like to",
    "i want to",
    *("you can", "please to"),
)
ASKING = (
    *("tell me if", "let me know if", "tell me", "show me", "let me see", "let me know"),
    *("do you know", "i want to know"),
)
"""Polite before a question: "tell me what is on my list"."""
QUESTION_WORDS = {"what", "which", "who", "how", "when"}
ASKED_BEFORE = QUESTION_WORDS | {"there"}  # "can you tell me if there is anything due"
TRAILING = (
    "please",
    "pls",
    "plz",
    "thanks",
    "thank you",
    "thx",
    "ty",
    "for me",
    "would you",
    "will you",
    *("would ya", "will ya", "ta", "cheers", "thank u", "tyvm"),
    "ok",
    "okay",
    "bot",
    *("btw", "by the way", "lol", "haha", "tho", "mate", "buddy", "dude", "asap", "from now on"),
    *("already", "after all", "as well", "if you can", "if possible", "when you can"),
)

# fmt: off
ASKS_FOR_MORE = {
    "say", "says", "saying", "write", "send", "a", "an", "the", "my", "your", "and", "to", "with",
    "of", "no", "many", "is", "was", "its", "be", "feel", "am", "or",
}
"""A polite word behind one of these belongs to what is said: "remind me to say thanks"."""

DANGLING = {
    "until", "till", "til", "before", "from", "since", "after", "between", "and", "or", "for",
    "of", "on", "at", "by", "in", "to", "per", "with", "the", "a", "an", "every", "each", "not",
    "than", "but",
}
"""Free text that ends so goes on: in "buy tickets for friday" the day belongs to the tickets."""

NO_NAME_STARTS = {
    "what", "which", "who", "when", "where", "why", "how", "if", "is", "are", "do", "does", "did",
    "can", "could", "should", "would", "will", "nothing", "everything", "it", "that", "this",
    "nobody", "everybody", "everyone", "somebody", "someone",
}
"""A sentence that begins with free text is no order where that text begins so: "what is done"."""

IDIOMS = {
    "life", "grip", "job", "room", "clue", "load", "move", "hobby", "girlfriend", "boyfriend",
    "sleep", "rest", "air", "break", "hug", "taxi", "cab", "uber", "lift", "minute", "second",
    "moment", "kick", "feeling", "headache", "help", "fun", "peace", "work", "day", "chance",
    "grade", "better", "bit",
}
"""Behind "get a" or "get some" one of these names nothing to buy: "get a life"."""

CHORES = {
    "get", "buy", "feed", "water", "wash", "clean", "pay", "fetch", "take", "pick", "return",
    "renew", "iron", "mow", "hoover", "vacuum", "empty", "charge", "pack",
}
"""Free text behind nothing but a time is something to do if it begins so: "20:00 get milk"."""

PLANS = CHORES | {
    "change", "call", "ring", "email", "text", "book", "check", "walk", "study", "bake", "defrost",
}
"""Free text beside nothing but a time may be something to do if it begins so."""

NO_GOODS = {
    "over", "going", "started", "married", "ready", "better", "well", "lost", "done",
    "rid", "to", "up", "out", "in", "into", "on", "off", "away", "back", "through", "along", "my",
    "enough", "more", "sick", "old", "used", "help", "home",
}
"""Behind "get" one of these begins no thing to buy: "i need to get going", "get a life"."""

NO_CHORES = {
    "me", "us", "you", "it", "that", "this", "care", "is", "was", "are", "were", "will", "i", "we",
    "he", "she", "they",
}
"""With one of these it is a sentence about something: "at 5 pay day was over"."""

NO_PLANS = NO_CHORES | {
    "am", "be", "been", "has", "have", "had", "do", "does", "did", "not", "never", "can",
    "could", "should", "would", "may", "my", "your", "his", "her", "their", "him", "them",
    "see", "good", "who", "what", "when", "where", "why", "how", "which", "if", "because",
    "lol", "so", "wrong", "starts", "opens", "closes", "begins", "ends", "leaves", "anyone",
    "anybody", "someone", "everyone", "everybody", "lights", "light", "heating", "weather",
    "news", "forecast", "play", "order", "stream", "turn", "switch", "open", "close", "dim",
    "start", "stop", "skip", "pause", "mute", "lower", "raise", "restart", "reboot", "reset",
    "reserve", "screenshot", "picture", "photo",
}
"""None of these stands in a plan: "see you at 5", "weather tomorrow morning"."""

NO_LONE_STARTS = {
    "all", "every", "each", "any", "me", "myself", "you", "your", "yourself", "everyone", "this",
    "that", "these", "those", "it", "them", "half",
}
"""Free text behind a lone verb is not sure to be a name where it begins so: "delete all mail"."""

STATES = {
    "wrong", "incorrect", "right", "correct", "not", "no", "off", "broken", "different", "unknown",
    "fine", "ok", "okay", "what", "good", "bad", "set", "weird", "strange", "funny", "confusing",
    "messed", "annoying", "stupid", "useless", "great",
}
"""Behind "is" one of these says how something is, and names nothing: "my time zone is wrong"."""

NO_NAMES = {
    "him", "her", "us", "me", "you", "myself", "yourself", "along", "again", "later",
    "on", "up", "down", "away", "over", "back", "around", "in", "out", "called", "named", "titled",
}
"""None of these alone names a thing: "finish him", "move along to friday"."""

PLACES = {"in", "on", "from", "of", "at", "my", "your", "our"}
"""Free text with one of these is not sure to be a name behind another word for the verb."""

TIMES = {
    "when", "whenever", "if", "once", "while", "during", "until", "till", "before", "after",
    "since", "by", "at", "on", "in", "from", "within", "around", "every", "each", "later", "soon",
    "again", "sometime", "someday", "daily", "weekly", "monthly", "yearly", "always", "regularly",
    "next", "first", "last", "early", "late", "now", "then", "tonight", "weekend", "morning",
    "evening",
}
"""Free text with one of these may say when, and not only what: "call mum at lunch"."""

THINGS = {"task", "tasks", "item", "items", "thing", "things"}
"""In front of "list" they name it: "my tasks list"."""

TO_DO = {"todo", "to-do", "to do", "task", "reminder"}
"""What people call the list that everything is on: "clear my to do list"."""

WHOLES = {"everything", "anything", "nothing"}
"""Free text that begins so names no one thing: "mark everything on groceries as done"."""

TELLING = {"is", "are", "was", "were", "has", "had", "if", "because", "who", "which", "whether"}
"""Free text behind a lone verb with one of these is more of a sentence: "todo lists are boring"."""

POINTERS = {
    "it", "that", "this", "them", "these", "those", "one", "ones", "all", "everything", "something",
    "anything", "nothing", "both", "same", "new", "another", "other", "some", "first", "second",
    "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "last", "next",
    "previous", "task", "tasks", "list", "item", "thing", "things",
}
BESIDE_POINTERS = {
    "the", "a", "an", "my", "of", "to", "for", "in", "on", "two", "three", "four", "five",
}
ANY = {"every", "all", "each", "any", "this", "that", "these", "those", "your", "no", "both"}
"""In front of "task" or "list" they name none: "delete every list"."""

# fmt: on

JOINTS = {"and", "then", "also", "plus", "&", "please"}
"""Between two orders in one text stands one of these, or punctuation."""

KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
MIN_TYPO_LENGTH, MAX_TYPO_LENGTH = 4, 32
MAX_POLITE_PHRASES = 5
INFLECTIONS = ("d", "s", "ed", "er", "ing", "r")


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it is compared, and its place in the text."""

    text: str
    start: int
    end: int
    is_glued: bool = False  # the second half of a contraction


def fold(word: str) -> str:
    """Return a word as it is compared: no case, no outer punctuation, straight apostrophes."""
    folded = unicodedata.normalize("NFC", word).replace("’", "'").casefold()  # noqa: RUF001
    return folded.strip(PUNCTUATION)


def split(text: str) -> list[Word]:
    """Split a text into words; contractions become two."""
    words = []
    for match in re.finditer(r"\S+", text):
        word, start, end = fold(match[0]), match.start(), match.end()
        if word.endswith("'s") and word not in CONTRACTIONS and _AFTER_IS.match(text, end):
            words += [Word(word[:-2], start, end - 2), Word("is", end - 2, end)]
        elif parts := CONTRACTIONS.get(word):
            middle = min(start + len(parts[0]), end)
            words.append(Word(parts[0], start, middle))
            words.append(Word(parts[1], middle, end, is_glued=True))
        else:
            word = SHORT.get(word, word)
            if word == "2" and words and words[-1].text in BEFORE_TO and _AFTER_TO.match(text, end):
                word = "to"
            words.append(Word(word, start, end))
    return words


SHORT = {
    "abt": "about",
    "bout": "about",
    "u": "you",
    "ur": "your",
    "n": "and",
    "w": "with",
    **dict.fromkeys(("tmrw", "tmr", "tmw", "tomoz", "2moro", "2morrow"), "tomorrow"),
    **dict.fromkeys(("2day", "tday"), "today"),
}
BEFORE_TO = {"me", "need", "have", "want", "forget", "remember", "reminder", "got"}
"""Behind one of these "2" is "to": "remind me 2 call dad"; but "remind me 2 days before"."""
_AFTER_TO = re.compile(
    r"\s+(?!(?:sec|min|h|hr|hour|day|week|month|year)[a-z]*\b)[a-z]", re.IGNORECASE
)
_AFTER_IS = re.compile(
    r"\s+(?:now\s+|all\s+)?(?:done|finished|completed|bought|paid|sorted)\b", re.IGNORECASE
)
"""Before one of these "'s" is no possessive: "the laundry's done"."""


def _by_word(phrases: Iterable[str], at: int) -> dict[str, list[tuple[str, ...]]]:
    """Return the words of phrases, the longest first, by their first word or their last."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for words in sorted((tuple(phrase.split()) for phrase in phrases), key=len, reverse=True):
        found.setdefault(words[at], []).append(words)
    return found


_LEADING, _ASKING, _TRAILING = _by_word(LEADING, 0), _by_word(ASKING, 0), _by_word(TRAILING, -1)


def order_starts(words: list[Word]) -> list[int]:
    """Return where the order may begin: at the first word, and behind polite ones."""
    texts = [word.text for word in words]
    starts: list[int] = []
    at = 0
    while at < len(texts) and len(starts) <= MAX_POLITE_PHRASES:
        starts.append(at)
        rest = texts[at:]
        leading, asking = _LEADING.get(rest[0], ()), _ASKING.get(rest[0], ())
        phrase = next((p for p in leading if tuple(rest[: len(p)]) == p), None)
        phrase = phrase or next(
            (
                p
                for p in asking
                if tuple(rest[: len(p)]) == p and ASKED_BEFORE & {*rest[len(p) : len(p) + 1]}
            ),
            None,
        )
        if phrase is None:
            break
        at += len(phrase)
    return starts


def order_end(words: list[Word]) -> int:
    """Return where the order ends, before the thanks."""
    end = len(words)
    texts = [word.text for word in words]
    while phrase := next(
        (
            p
            for p in _TRAILING.get(texts[end - 1] if end else "", ())
            if tuple(texts[max(end - len(p), 0) : end]) == p
        ),
        None,
    ):
        before = end - len(phrase)
        if before < 1 or texts[before - 1] in ASKS_FOR_MORE:
            break
        end = before
    return end


@lru_cache(maxsize=4096)
def slips(word: str, vocabulary: frozenset[str]) -> tuple[str, ...]:
    """Return the words of a vocabulary that `word` is one slip of the fingers away from.

    A slip is two letters swapped, one missing, one doubled or one hit on a neighbouring key.
    Other single-letter changes mostly make another real word ("lost" is no slip of "list"), so
    they don't count; nor do endings ("deleted").
    """
    if not MIN_TYPO_LENGTH <= len(word) <= MAX_TYPO_LENGTH or word in vocabulary:
        return ()
    near = process.extract(word, vocabulary, scorer=OSA.distance, score_cutoff=1, limit=None)
    return tuple(
        meant for meant, _, _ in near if len(meant) >= MIN_TYPO_LENGTH and _is_slip(word, meant)
    )


def _is_slip(word: str, meant: str) -> bool:
    if word[0] != meant[0] and sorted(word) != sorted(meant):
        return False
    if len(word) == len(meant):
        if sorted(word) == sorted(meant):
            return True
        wrong, right = next((a, b) for a, b in zip(word, meant, strict=True) if a != b)
        return len(word) > MIN_TYPO_LENGTH and _are_neighbours(wrong, right)
    if len(word) > len(meant):
        return _is_doubled(word, meant)
    if any(meant == word + ending for ending in INFLECTIONS):
        return False
    return len(meant) > MIN_TYPO_LENGTH


def _is_doubled(word: str, meant: str) -> bool:
    """Say whether `word` is `meant` with one letter typed twice."""
    return any(meant[:i] + meant[i - 1] + meant[i:] == word for i in range(1, len(meant) + 1))


def _are_neighbours(one: str, other: str) -> bool:
    for row_number, row in enumerate(KEYBOARD):
        if one not in row:
            continue
        column = row.index(one)
        for near_row in KEYBOARD[max(row_number - 1, 0) : row_number + 2]:
            if other in near_row[max(column - 1, 0) : column + 2]:
                return True
    return False
