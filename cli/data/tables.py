"""Tables in the terminal."""

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 200  # columns where the output is no terminal: nothing is cut off there


def show_table(head: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print rows under their heads, or `empty` where there are none; None shows as nothing."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    table = Table(*head, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    if table.row_count:
        console.print(table)
    else:
        console.print(empty)
