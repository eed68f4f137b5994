"""What a page costs as an owner's rows grow, among ten owners, on PostgreSQL.

Each page has ten rows: the first, one in the middle and one near the end, each read by the last row
before it.
"""

from contextlib import ExitStack, closing
from statistics import median
from time import perf_counter

from sqlalchemy import make_url

from core.db.engine import Database, use_database
from core.postgres import execute, select
from tests.support.postgres import postgres_server

OWNERS = 10
SIZES = (1_000, 100_000, 1_000_000)  # of the one owner
PAGES = 100  # a result is the median of so many
TABLE = """
CREATE TABLE notes (
    id BIGINT PRIMARY KEY,
    owner INTEGER NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    name TEXT NOT NULL
)
"""
# The owner has as many as the size says; each of the nine others has a thousand.
FILL = """
INSERT INTO notes
SELECT n, CASE WHEN n <= :size THEN 0 ELSE 1 + n % 9 END,
    TIMESTAMP WITH TIME ZONE '2030-01-01 00:00:00Z' + n / 3 * INTERVAL '1 second', 'note ' || n
FROM generate_series(1, :total) AS n
"""


def main() -> None:
    """Print the time of a page at each size and depth."""
    with ExitStack() as stack:
        url = make_url(stack.enter_context(postgres_server()))
        database = stack.enter_context(closing(Database(url, pool_size=1)))
        stack.callback(use_database, use_database(database))
        print(f"{'a page of ten by keyset':<28}{'first':>12}{'middle':>12}{'end':>12}")
        for size in SIZES:
            _measure(size)


def fill(size: int) -> None:
    """Give the one owner so many rows."""
    execute("DROP TABLE IF EXISTS notes")
    execute(TABLE)
    execute(FILL, {"size": size, "total": size + (OWNERS - 1) * 1_000})
    execute("CREATE INDEX notes_page ON notes (owner, made_at, id)")
    execute("ANALYZE notes")


def _measure(size: int) -> None:
    fill(size)
    times = [_microseconds(number) for number in (0, size // 2, size - 20)]
    title = f"{size:,} rows of one owner"
    print(f"{title:<28}" + "".join(f"{time:>9.0f} µs" for time in times))


def _microseconds(number: int) -> float:
    """Time the page behind the row of this number; behind 0 is the first one."""
    last = None
    if number:
        [last] = select("notes", {"id": number}, columns=["made_at", "id"])
    took = []
    for _ in range(PAGES):
        start = perf_counter()
        rows = select("notes", {"owner": 0}, ["made_at", "id"], 10, after=last)
        took.append(perf_counter() - start)
        assert rows[0]["id"] == number + 1
    return median(took) * 1e6


if __name__ == "__main__":
    main()
