"""What a person was told last, so that "it", "the second one" and "make it 6" can be understood."""

from dataclasses import dataclass
from typing import Any

Command = dict[str, Any]


@dataclass(frozen=True)
class Recall:
    """What came before an order.

    `last` is the command that was carried out last, and `shown` the names in the list that the
    person saw last, by position. `kind` is the interaction type of what is shown; without it the
    list is of the last command's type.
    """

    last: Command | None = None
    shown: tuple[str, ...] = ()
    kind: str = ""


NOTHING_BEFORE = Recall()
