"""What the author of a domain imports."""

from bot.framework.context import Context, Declined
from bot.framework.fields import (
    About,
    FutureDate,
    Many,
    Past,
    PastDate,
    Repeating,
    Secret,
    Unit,
    When,
)
from bot.framework.lookup import pick
from bot.framework.registry import CommandModule

__all__ = [
    "About",
    "CommandModule",
    "Context",
    "Declined",
    "FutureDate",
    "Many",
    "Past",
    "PastDate",
    "Repeating",
    "Secret",
    "Unit",
    "When",
    "pick",
]
