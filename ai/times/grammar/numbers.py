"""English number words: "three", "a couple", "twenty-five", "3rd", "third"."""

# fmt: off
ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]
TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60,
    "seventy": 70, "eighty": 80, "ninety": 90,
}
ORDINALS = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
    "eighteenth", "nineteenth", "twentieth",
]
# fmt: on


def _any_of(words: list[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


WORDS = (
    rf"(?:(?:{_any_of([*TENS])})(?:[ -](?:{_any_of(ONES[1:10])}))?|{_any_of(ONES)}"
    r"|a couple(?: of)?)"
)
NUMBER = rf"(?:\d{{1,30}}(?:[.,]\d{{1,30}})?|{WORDS}|an?)"
ORDINAL = (
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)|(?:twenty|thirty)[ -](?:{_any_of(ORDINALS[:9])})"
    rf"|{_any_of(ORDINALS)}|thirtieth)"
)
HOUR = rf"(?:\d{{1,2}}|{_any_of(ONES[1:13])})"


def number(words: str) -> float:
    """Read a number that NUMBER matches; "a" is one, "a couple" two."""
    words = words.lower()
    if words[0].isdigit():
        return float(words.replace(",", "."))
    if words in ("a", "an"):
        return 1
    if words.startswith("a couple"):
        return 2
    head, _, tail = words.replace("-", " ").partition(" ")
    if head in TENS:
        return TENS[head] + (ONES.index(tail) if tail else 0)
    return ONES.index(head)


def ordinal(words: str) -> int:
    """Read an ordinal number that ORDINAL matches."""
    words = words.lower()
    if words[0].isdigit():
        return int(words[:-2])
    if words == "thirtieth":
        return 30
    head, _, tail = words.replace("-", " ").partition(" ")
    return TENS[head] + ORDINALS.index(tail) + 1 if tail else ORDINALS.index(head) + 1
