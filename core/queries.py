"""The parameters of hand-written SQL, in the driver's own spelling.

`:name`, `%(name)s` and `%s` are parameters; what stands in a literal, a quoted name or a comment is
not, and neither is a `::cast`.
"""

import re
from collections.abc import Mapping
from typing import Any

from core.errors import InvalidInput

TOKENS = re.compile(
    r"""
    (?P<verbatim>
        [eE]'(?:[^'\\]|\\.|'')*'               # PostgreSQL's literal with backslashes
      | '(?:[^']|'')*'                         # literal
      | "(?:[^"]|"")*"                         # quoted name
      | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$        # PostgreSQL's dollar-quoted literal
      | --[^\n]*                               # comment
      | /\*.*?\*/
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


def driver_query(
    query: str, params: Mapping[str, Any] | None, paramstyle: str
) -> tuple[str, Mapping[str, Any] | None]:
    """Return query and parameters for a driver whose paramstyle is pyformat or named.

    Without params the query is left alone. Raises InvalidInput for a name without a value.
    """
    if params is None:
        return query, None
    # Who writes %(name)s doubles every other percent sign, as psycopg2 asks for.
    doubling = any(match["percent"] for match in TOKENS.finditer(query))

    def own(text: str) -> str:
        if doubling:
            text = text.replace("%%", "%")
        return text.replace("%", "%%") if paramstyle == "pyformat" else text

    def parameter(name: str) -> str:
        if name not in params:
            raise InvalidInput(f"execute: there is no value for the parameter {name!r}.")
        return f"%({name})s" if paramstyle == "pyformat" else f":{name}"

    pieces = []
    end = 0
    for match in TOKENS.finditer(query):
        pieces.append(own(query[end : match.start()]))
        name = match["colon"] or match["percent"]
        pieces.append(parameter(name) if name else own(match[0]))
        end = match.end()
    pieces.append(own(query[end:]))
    return "".join(pieces), params


def sqlite_query(query: str) -> str:
    """Return a query written for psycopg2 (%s, %(name)s, %%) as SQLite reads it."""

    def replace(match: re.Match[str]) -> str:
        if match["percent"]:
            return f":{match['percent']}"
        if match["place"]:
            return "?"
        return match[0].replace("%%", "%")

    return TOKENS.sub(replace, query)
