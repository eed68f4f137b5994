"""What stands behind the question mark of a database's address."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Query = Mapping[str, str | tuple[str, ...]]


class URLOptions(NamedTuple):
    """The options of an address, sorted."""

    query: Query
    """Those that SQLAlchemy hands on to the driver as they are."""
    arguments: dict[str, Any]
    """What else the driver is told, in its own types."""
    unknown: Sequence[str]
    """The names of those that are for other clients."""
