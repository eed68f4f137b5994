"""The parameters of hand-written SQL, in the driver's own spelling.

`:name`, `%(name)s` and `%s` are parameters; what stands in a literal, a quoted name or a comment is
not, and neither is a `::cast`.
"""

import re
from functools import lru_cache

QUOTED = r"""
        [eE]'(?:[^'\\]|\\.|'')*'               # PostgreSQL's literal with backslashes
      | '(?:[^']|'')*'                         # literal
      | "(?:[^"]|"")*"                         # quoted name
      | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$        # PostgreSQL's dollar-quoted literal
      | (?P<comment>--[^\n]*|/\*.*?\*/)
"""
"""What is left as it is in SQL, as a part of a verbose regular expression."""

TOKENS = re.compile(
    rf"""
    (?P<verbatim>
        {QUOTED}
      | ::
      | (?<=\w):\w+                            # a slice, such as a[1:n]
    )
  | :(?P<colon>[A-Za-z_]\w*)
  | %\((?P<percent>[A-Za-z_]\w*)\)s
  | (?P<place>%s)
  | (?P<doubled>%%)
    """,
    re.VERBOSE | re.DOTALL,
)


CACHED_QUERIES = 500


@lru_cache(CACHED_QUERIES)
def named_query(query: str) -> tuple[str, frozenset[str]]:
    """Return a query as psycopg2 reads it, with %(name)s alone, and the names in it."""
    # Who writes %(name)s doubles every other percent sign, as psycopg2 asks for.
    doubled = any(match["percent"] for match in TOKENS.finditer(query))
    pieces = []
    names = set()
    end = 0
    for match in TOKENS.finditer(query):
        pieces.append(_percents(query[end : match.start()], doubled))
        if name := match["colon"] or match["percent"]:
            names.add(name)
            pieces.append(f"%({name})s")
        else:
            pieces.append(_percents(match[0], doubled))
        end = match.end()
    pieces.append(_percents(query[end:], doubled))
    return "".join(pieces), frozenset(names)


def _percents(text: str, doubled: bool) -> str:
    return text if doubled else text.replace("%", "%%")


@lru_cache(CACHED_QUERIES)
def sqlite_query(query: str) -> str:
    """Return a query written for psycopg2, with %s, %(name)s and %%, as SQLite reads it."""

    def replace(match: re.Match[str]) -> str:
        if match["percent"]:
            return f":{match['percent']}"
        return "?" if match["place"] else match[0].replace("%%", "%")

    return TOKENS.sub(replace, query)
