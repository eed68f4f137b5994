"""The one command that a text nearly says, to be offered: it is not certain enough to be done.

Three ways lead there: sentences of which their author says that they are not certain (`near`), a
sentence with chatter around it ("hm, I really should add bread to my tasks"), and the words of a
sentence without slots in another order.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from ai.sentences.following import Index, Match
from ai.sentences.references import References
from ai.sentences.search import Attempt, Steps, TooManySteps
from ai.sentences.tokens import Word, split

MAX_WORDS = 30
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
ASKS = frozenset({"should", "can", "could", "would", "will", "need", "must", "had", "have"})


def near(
    sure: Index,
    unsure: Index,
    bags: dict[frozenset[str], Match | None],
    text: str,
    references: References,
) -> Match | None:
    """Return the one command that a text nearly says, or None.

    `unsure` has the sentences that are not certain as well; `bags` are of sentences without slots.
    """
    words = split(text)
    if not 1 < len(words) <= MAX_WORDS:
        return None
    bare = bag(word.text for word in words)
    if text.rstrip().endswith("?") or (words[0].text in ASKS and words[1].text in ("i", "we")):
        return bags.get(bare)
    steps = Steps()
    try:
        for index in (sure, unsure):
            for part in _parts(text, words, sure.verbs):
                if orders := Attempt(index, part, references, steps).orders():
                    return orders[0] if len(orders) == 1 else None
    except TooManySteps:
        return None
    return bags.get(bare)


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
        # "to my tasks" is no "my tasks"; behind "I want to" stands an order.
        is_order = not start or texts[start - 1] != "to" or texts[start] in verbs
        if is_order and not words[start].is_glued:
            yield text[words[start].start : words[end - 1].end]


def _chatter(words: Sequence[str]) -> int:
    """Return how many of the first words are chatter."""
    return next((n for n, word in enumerate(words) if word not in CHATTER), len(words))
