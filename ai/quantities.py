"""Amounts as people write them: "$4.20", "3€", "20 euros", "5km"; and lengths of time."""

import re
from datetime import timedelta
from decimal import Decimal

from ai.times.grammar.durations import read_duration
from ai.times.grammar.numbers import WORDS, number
from ai.times.grammar.reading import in_ascii

PLACES = 4  # behind the point of what was converted
MAX_DAYS = 365 * 100  # of a length of time

# What one is in the unit that its line begins with; by the international definitions.
UNITS: dict[str, dict[str, str]] = {
    "m": {
        "m metre metres meter meters": "1",
        "km k kms kilometre kilometres kilometer kilometers": "1000",
        "cm centimetre centimetres centimeter centimeters": "0.01",
        "mm millimetre millimetres millimeter millimeters": "0.001",
        "mi mile miles": "1609.344",
        "yd yard yards": "0.9144",
        "ft foot feet": "0.3048",
        "in inch inches": "0.0254",
    },
    "kg": {
        "kg kgs kilo kilos kilogram kilograms": "1",
        "g gram grams": "0.001",
        "mg milligram milligrams": "0.000001",
        "lb lbs pound pounds": "0.45359237",
        "oz ounce ounces": "0.028349523125",
    },
    "l": {
        "l litre litres liter liters": "1",
        "ml millilitre millilitres milliliter milliliters": "0.001",
        "cl centilitre centilitres": "0.01",
    },
    "kcal": {"kcal cal calorie calories": "1"},
    "%": {"% percent": "1"},
    "usd": {"usd $ us$ dollar dollars buck bucks": "1", "¢ cent cents": "0.01"},
    "eur": {"eur € euro euros": "1", "ct cent cents": "0.01"},
    "gbp": {"gbp £ pound pounds quid": "1", "p penny pence": "0.01"},
    "chf": {"chf fr franc francs franken": "1"},
    "jpy": {"jpy ¥ yen": "1"},
    "inr": {"inr ₹ rupee rupees": "1"},
}

_FACTORS = {
    (base, name): Decimal(factor)
    for base, lines in UNITS.items()
    for names, factor in lines.items()
    for name in names.split()
}
NAMED_UNITS = {
    name: base for base, lines in UNITS.items() for names in lines for name in [names.split()[0]]
}
_NAMES = {name for _, name in _FACTORS}
_HUNDREDTHS = {"¢", "cent", "cents", "ct", "p", "penny", "pence"}

_NUMBER = (
    r"\d{1,3}(?:,\d{3})+\.\d{1,9}|\d{1,3}(?:\.\d{3})+,\d{1,9}|\d{1,3}(?:,\d{3}){2,4}"
    rf"|\d{{1,15}}(?:[.,]\d{{1,9}})?|\.\d{{1,9}}|{WORDS}"
)
_UNIT = r"[a-z]{1,12}|[a-z]{0,2}[$€£¥₹¢%]"
_AMOUNT = re.compile(
    rf"(?P<sign>[+-])?\s?(?P<before>{_UNIT})?\s?(?P<more>[+-])?(?P<number>{_NUMBER})\s?(?P<after>{_UNIT})?"
)
_UNSURE = re.compile(r"[1-9]\d{0,2},\d{3}")  # a thousand for some, and one for others


class UnclearAmount(ValueError):
    """What was said is no amount, or in a unit that can't be converted."""


def read_amount(words: str, unit: str = "") -> Decimal:
    """Return an amount, in `unit` where one is named; a number alone counts in it.

    Without `unit` the one that was said is dropped. Raises UnclearAmount.
    """
    text = in_ascii(" ".join(words.split())).casefold()
    found = _AMOUNT.fullmatch(text) if len(text) <= 60 else None
    if found is None or (found["before"] and found["after"]) or (found["sign"] and found["more"]):
        raise UnclearAmount("it is no amount")
    said = found["before"] or found["after"] or ""
    if said and said not in _NAMES:
        raise UnclearAmount(f"{said!r} is no unit")
    value = _number(found["number"])
    if "-" in (found["sign"], found["more"]):
        value = -value
    if not said or said == unit:
        return value
    if not unit:
        return value / 100 if said in _HUNDREDTHS else value
    base = NAMED_UNITS[unit]
    factor = _FACTORS.get((base, said))
    if factor is None:
        raise UnclearAmount(f"{said!r} can't be converted to {unit}")
    ratio = factor / _FACTORS[base, unit]
    return value if ratio == 1 else _short(value * ratio)


def _number(written: str) -> Decimal:
    if written[0].isalpha():
        return Decimal(str(number(written))).normalize()
    if _UNSURE.fullmatch(written):
        raise UnclearAmount("it may be a thousand or one")
    point = max(written.rfind("."), written.rfind(","))
    mark = written[point] if point >= 0 else ""
    if written.count(mark or " ") > 1:
        mark = ""  # all of them part thousands
    whole, _, rest = written.rpartition(mark) if mark else (written, "", "")
    digits = re.sub(r"\D", "", whole) or "0"
    return Decimal(f"{digits}.{rest}" if rest else digits)


def _short(value: Decimal) -> Decimal:
    """Round what was converted, without zeros at its end."""
    rounded = value.quantize(Decimal(1).scaleb(-PLACES)).normalize()
    return rounded if rounded.as_tuple().exponent else rounded.quantize(Decimal(1))


def read_length(words: str) -> timedelta:
    """Return a length of time: "an hour and a half". Raises UnclearAmount."""
    text = in_ascii(" ".join(words.split()))
    found = read_duration(text, 0) if len(text) <= 100 else None
    if found is None or text[found[1] :].strip(" .!"):
        raise UnclearAmount("it is no length of time")
    length = found[0]
    if length.months or length.days > MAX_DAYS or length.seconds > MAX_DAYS * 86400:
        raise UnclearAmount("months and years have no length of their own")
    return timedelta(days=length.days, seconds=round(length.seconds))
