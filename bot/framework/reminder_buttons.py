"""What a person may do about a reminder at once, by a button beneath it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

OCCURRENCE = "occurrence"


@dataclass(frozen=True)
class Offer:
    """A button under the reminders of a domain, and the order that it stands for.

    `{id}` in a value of `fields` is the id of the row that the reminder is about.
    """

    label: str
    action: str
    fields: Mapping[str, str] = field(default_factory=dict)

    def order(self, interaction_type: str, row_id: str, due_at: str = "") -> dict[str, Any]:
        """Return the parsed command; `occurrence` says which due time it is about, where known."""
        values = {name: value.replace("{id}", row_id) for name, value in self.fields.items()}
        if due_at:
            values[OCCURRENCE] = due_at
        return {"interaction_type": interaction_type, "action": self.action, **values}


def subject_at(subject: str, due_at: str) -> str:
    """Return what a reminder is about together with its due time, as `Offers.of` reads it."""
    return f"{subject}@{due_at}" if subject else ""


class Offers:
    """What the modules offer under their reminders."""

    def __init__(self) -> None:
        self._offers: dict[str, tuple[str, tuple[Offer, ...]]] = {}

    def add(self, interaction_type: str, offers: Mapping[str, Iterable[Offer]]) -> None:
        """Add a module's offers, by the first word of the reminders' subjects."""
        for kind, found in offers.items():
            self._offers[kind] = (interaction_type, tuple(found))

    def of(self, subject: str) -> list[tuple[str, dict[str, Any]]]:
        """Return labels and orders for a subject such as "tasks:<id>"; most have none.

        The due time may stand behind it: "tasks:<id>@2030-01-02T06:30:00Z".
        """
        kind, _, rest = subject.partition(":")
        row_id, _, due_at = rest.partition("@")
        interaction_type, offers = self._offers.get(kind, ("", ()))
        return [(offer.label, offer.order(interaction_type, row_id, due_at)) for offer in offers]
