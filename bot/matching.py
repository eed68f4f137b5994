"""Finding what a person means among their own things, by words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rapidfuzz import fuzz, process, utils

from bot.context import Context, Declined
from bot.talk import normalise
from bot.text import named

Row = Mapping[str, Any]

CLOSE = 80  # rapidfuzz's score, of 100, from which on a misspelt name is taken for the real one
NEAR = 50  # and from which on it is worth mentioning
SHOWN = 9


def candidates(words: str, names: Sequence[str]) -> list[int]:
    """Return the indexes of names that are equal, else contain the words, else are similar."""
    wanted = normalise(words).removeprefix("the ")
    spelled = [normalise(name).removeprefix("the ") for name in names]
    for fits in (wanted.__eq__, lambda name: wanted in name):
        found = [index for index, name in enumerate(spelled) if fits(name)]
        if found:
            return found
    scored = _scored(words, names, CLOSE)
    return [index for _, score, index in scored if score >= scored[0][1] - 5]


def nearest(words: str, names: Sequence[str], limit: int = 3) -> list[str]:
    """Return the names that come closest, the best first."""
    return list(dict.fromkeys(name for name, _, _ in _scored(words, names, NEAR)))[:limit]


async def pick(
    ctx: Context,
    words: str,
    rows: Sequence[Row],
    kind: str,
    label: Callable[[Row], str] = lambda row: named(row["name"]),
) -> Row:
    """Return the row whose name was meant, asking where several may be.

    `kind` is what a row is called ("task"), `label` how the person tells rows apart. Raises
    Declined where none fits.
    """
    left = list(rows)
    while True:
        found = [left[index] for index in candidates(words, [row["name"] for row in left])]
        if not found:
            raise Declined(_nothing(words, [row["name"] for row in rows], kind))
        if len(found) == 1:
            return found[0]
        left = found
        choice = await ctx.ask(_which(kind, [label(row) for row in left]))
        number = normalise(choice).removeprefix("number ").removeprefix("the ")
        if number.isdecimal() and 1 <= int(number) <= len(left):
            return left[int(number) - 1]
        words = choice


def _scored(words: str, names: Sequence[str], least: int) -> list[tuple[str, float, int]]:
    return process.extract(
        words,
        names,
        scorer=fuzz.WRatio,
        processor=utils.default_process,
        score_cutoff=least,
        limit=SHOWN,
    )


def _which(kind: str, labels: Sequence[str]) -> str:
    lines = [f"{number}\\. {label}" for number, label in enumerate(labels[:SHOWN], 1)]
    if len(labels) > SHOWN:
        lines.append(f"… and {len(labels) - SHOWN} more; tell me more of its name.")
    return f"Which {kind} do you mean?\n" + "\n".join(lines)


def _nothing(words: str, names: Sequence[str], kind: str) -> str:
    if not names:
        return f"You have no {kind} yet."
    close = nearest(words, names)
    hint = f" Do you mean {' or '.join(map(named, close))}?" if close else ""
    return f"You have no {kind} called {named(words)}.{hint}"
