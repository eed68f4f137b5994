"""Orders about another message: "add this to my tasks" in reply to "call mum".

The words that point at it are replaced by one neutral word before the order is parsed, and that by
the other message's text afterwards. So what somebody else wrote is a value, whatever it says, and
never a part of the order.
"""

import re
from typing import Any

STANDS_FOR_IT = "quotedmessage"
POINTER = re.compile(
    r"\b(?:this|these|that|those|it|them)\b"
    # Behind it the order ends or says where and when: "this evening" points at nothing.
    r"(?=[ .!?]*$|,? (?:to|on|in|at|for|from|as|by|about|every|today|tonight|tomorrow)\b)",
    re.IGNORECASE,
)
MAX_VALUE = 2000  # characters


def point_at(text: str) -> str:
    """Return an order with the first words that may point at the other message replaced."""
    return POINTER.sub(STANDS_FOR_IT, text, count=1)


def fill_in(order: dict[str, Any], text: str) -> dict[str, Any]:
    """Return a parsed order with the other message's text where the order points at it."""
    value = ", ".join(line.strip() for line in text.splitlines() if line.strip())[:MAX_VALUE]
    return {name: _filled(said, value) for name, said in order.items()}


def in_words(text: str) -> str:
    """Return what the parser says of an order as the person is told it."""
    return text.replace(STANDS_FOR_IT, "this")


def _filled(said: Any, value: str) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(said, list):
        return [_filled(one, value) for one in said]
    return value if isinstance(said, str) and said.casefold() == STANDS_FOR_IT else said
