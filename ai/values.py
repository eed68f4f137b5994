"""A field's value from what was said, by a person or by a model."""

import re
from typing import Any

from ai.catalogue import FieldSpec
from ai.english.numbers import ONES

YES = {"true", "yes", "on", "1"}
NO = {"false", "no", "off", "0"}
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
    low = word.casefold()
    if field.kind == "boolean":
        if low in YES | NO:
            return low in YES
        raise ValueError(f"{field.name} must be true or false, not {word!r}.")
    if isinstance(said, bool) or not word:
        raise ValueError(f"{field.name} must be of the kind {field.kind}, not {word!r}.")
    if field.kind == "choice":
        for choice in field.choices:
            if choice.casefold() == low:
                return choice
        raise ValueError(f"{field.name} must be one of {', '.join(field.choices)}, not {word!r}.")
    if field.kind == "integer":
        if low in ONES:
            return ONES.index(low)
        if re.fullmatch(r"[+-]?\d{1,18}(?:\.0+)?", word):
            return int(word.partition(".")[0])
        raise ValueError(f"{field.name} must be a whole number, not {word!r}.")
    if field.kind == "number":
        if low in ONES:
            return float(ONES.index(low))
        if re.fullmatch(r"[+-]?\d{1,18}(?:[.,]\d{1,18})?", word):
            return float(word.replace(",", "."))
        raise ValueError(f"{field.name} must be a number, not {word!r}.")
    return word
