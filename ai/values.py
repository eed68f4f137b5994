"""A field's value from what was said, by a person or by a model."""

import math
import re
from typing import Any

from ai.catalogue import FieldSpec
from ai.english.numbers import WORDS, number
from ai.english.reading import in_ascii

YES = frozenset({"yes", "y", "yes please", "yep", "yeah", "sure", "ok", "okay", "true", "on"})
NO = frozenset({"no", "n", "no thanks", "nope", "nah", "don't", "false", "off"})
_WHOLE = re.compile(r"[+-]?(?:\d{1,18}|\d{1,3}(?:,\d{3}){1,5})(?:\.0{1,18})?")
_DECIMAL = re.compile(r"[+-]?\d{1,18}(?:[.,]\d{1,18})?")
_UNSURE = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")  # a thousand for some, and one for others
_WORDS = re.compile(WORDS, re.IGNORECASE)
QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»"}


def trim(text: str) -> str:
    """Take away the punctuation behind free text, and quotation marks that were put around it."""
    text = text.strip().rstrip(",;:").rstrip()
    text = re.sub(r"(?<![.!?…])[.!?]$", "", text)
    if len(text) > 2 and QUOTES.get(text[0]) == text[-1] and text.count(text[-1]) <= 2:
        return text[1:-1].strip()
    return text


def typed(field: FieldSpec, said: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return what was said as the field's type.

    Raises ValueError, with a sentence for the model, where it is none of that type.
    """
    if isinstance(said, list) and len(said) == 1:
        said = said[0]
    if isinstance(said, dict | list) or said is None:
        raise ValueError(f"{field.name} must be a single value.")
    word = str(said).strip()
    low = word.casefold().rstrip(" .!?")
    if field.kind == "boolean":
        if low in YES | NO or low in ("1", "0"):
            return low in YES or low == "1"
        raise ValueError(f"{field.name} must be true or false, not {word!r}.")
    if isinstance(said, bool) or not word:
        raise ValueError(f"{field.name} must be of the kind {field.kind}, not {word!r}.")
    if field.kind == "choice":
        for choice in field.choices:
            if choice.casefold() == low:
                return choice
        raise ValueError(f"{field.name} must be one of {', '.join(field.choices)}, not {word!r}.")
    if field.kind == "integer":
        if (whole := _whole(word)) is None:
            raise ValueError(f"{field.name} must be a whole number, not {word!r}.")
        return whole
    if field.kind == "number":
        if isinstance(said, float) and math.isfinite(said):
            return said  # a model's, which may be written as 1e-05
        if (decimal := _decimal(word)) is None:
            raise ValueError(f"{field.name} must be a number, not {word!r}.")
        return decimal
    return word


def _whole(word: str) -> int | None:
    """Read "3", "+3", "3.0", "1,000" or "twenty-five"."""
    word = in_ascii(word)
    if _WORDS.fullmatch(word):
        return int(number(word))
    return int(word.partition(".")[0].replace(",", "")) if _WHOLE.fullmatch(word) else None


def _decimal(word: str) -> float | None:
    """Read "2.5", "2,5" or "two"; not "1,000", which may be a thousand or one."""
    word = in_ascii(word)
    if _WORDS.fullmatch(word):
        return float(number(word))
    is_clear = _DECIMAL.fullmatch(word) and not _UNSURE.fullmatch(word)
    return float(word.replace(",", ".")) if is_clear else None
