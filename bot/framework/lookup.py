"""Finding what a person means among their own things, by words."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rapidfuzz import fuzz, process, utils

from ai.languages import Language, asked_in
from ai.times.grammar.reading import in_ascii
from bot.api.sessions import Rows
from bot.dialogue import normalise
from bot.framework.context import Context, Declined
from bot.markdown import named

Row = Mapping[str, Any]

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CLOSE = 80  # rapidfuzz's score, of 100, from which on a name may be a misspelt one: worth asking
NEAR = 50  # and from which on it is worth mentioning
ALIKE = 40  # of their letters, so that three letters within a long name don't count
MAX_LISTED = 9
MAX_COMPARED, MAX_FUZZY = 500, 80  # characters of a name


def containing(words: str, names: Sequence[str]) -> list[int]:
    """Return the indexes of the names that are these words, else of those that have them in it.

    Only the first MAX_COMPARED characters count.
    """
    wanted = _bare(words[:MAX_COMPARED])
    spelled = [_bare(name[:MAX_COMPARED]) for name in names]
    equal = [index for index, name in enumerate(spelled) if name == wanted]
    within = re.compile(rf"(?<!\w){re.escape(wanted)}")  # at the start of a word
    return equal or [index for index, name in enumerate(spelled) if within.search(name)]


def similar(words: str, names: Sequence[str], least: float = CLOSE) -> list[int]:
    """Return the indexes of the names that are spelled much like these words, the best first.

    Only the first MAX_FUZZY characters count: the time that it takes grows with the product of the
    two lengths.
    """
    found = process.extract(
        words[:MAX_FUZZY],
        [name[:MAX_FUZZY] for name in names],
        scorer=fuzz.WRatio,
        processor=utils.default_process,
        score_cutoff=least,
        limit=MAX_LISTED,
    )
    return [index for _, _, index in found]


def nearest(words: str, names: Sequence[str], limit: int = 3) -> list[str]:
    """Return the names that come closest, the best first."""
    found = (
        names[index]
        for index in similar(words, names, NEAR)
        if fuzz.ratio(words[:MAX_FUZZY], names[index][:MAX_FUZZY]) >= ALIKE  # not "jam" for "camp"
    )
    return list(dict.fromkeys(found))[:limit]


async def pick(
    ctx: Context,
    words: str,
    rows: Sequence[Row],
    kind: str,
    label: Callable[[Row], str] = lambda row: named(row["name"]),
) -> Row:
    """Return the row whose name was meant, asking where that is not certain.

    `kind` is what a row is called ("task"), `label` how the person tells rows apart. Raises
    Declined where none fits. A row's id, which buttons know, means that row alone.
    """
    if ID.fullmatch(words):
        return _found(ctx, words, _with_id(words, rows, kind))
    said = words
    while True:
        names = [row["name"] for row in rows]
        found = containing(words, names)
        if not found:
            found = similar(words, names)
            if len(found) == 1 and not await _is_meant(ctx, words, kind, rows[found[0]]):
                raise Declined("All right, nothing was changed.")
        if not found:
            raise Declined(_nothing(words, names, kind, rows))
        rows = [rows[index] for index in found]
        labels = [label(row) for row in rows]
        if len({*labels}) == 1:  # nobody could tell them apart
            return _found(ctx, said, rows[0])
        words = await ctx.ask(_which(kind, labels, ctx.language))
        number = in_ascii(normalise(words)).removeprefix("number ")
        if re.fullmatch(r"\d{1,4}", number) and 1 <= int(number) <= len(rows):
            return _found(ctx, said, rows[int(number) - 1])


def _with_id(row_id: str, rows: Sequence[Row], kind: str) -> Row:
    for row in rows:
        if row["id"] == row_id:
            return row
    raise Declined(f"That {kind} is not there any more.")


def _found(ctx: Context, said: str, row: Row) -> Row:
    """Note by which name the person's words found a row, for orders that point back at it."""
    ctx.found[said] = row["name"]
    return row


def _bare(name: str) -> str:
    return normalise(name).removeprefix("the ")


async def _is_meant(ctx: Context, words: str, kind: str, row: Row) -> bool:
    return await ctx.confirm(
        f"You have no {kind} called {named(words)}. Do you mean {named(row['name'])}?"
    )


def _which(kind: str, labels: Sequence[str], language: Language) -> str:
    lines = [f"{number}\\. {label}" for number, label in enumerate(labels[:MAX_LISTED], 1)]
    if len(labels) > MAX_LISTED:
        lines.append(f"… and {len(labels) - MAX_LISTED} more; tell me more of its name.")
    asked = asked_in(language, "which") or f"Which {kind} do you mean?"
    return f"{asked}\n" + "\n".join(lines)


def _nothing(words: str, names: Sequence[str], kind: str, rows: Sequence[Row]) -> str:
    if not names:
        return f"You have no {kind} yet."
    close = nearest(words, names)
    hint = f" Do you mean {' or '.join(map(named, close))}?" if close else ""
    if isinstance(rows, Rows) and rows.has_more:
        among = f"None of your first {len(rows):,} {kind}s is called {named(words)}"
        return f"{among}; there are more, and I look no further.{hint}"
    return f"You have no {kind} called {named(words)}.{hint}"
