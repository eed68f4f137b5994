"""Words for times in German, Spanish and French, and the English that is read for them.

All are in lower case and without accents, as many people write them; number words are digits
by then. The order matters: what is said in several words comes before what is in one.
"""

import re

from ai.extraction.grounding import NUMBER_WORDS, TIME_WORDS, TRANSLATIONS, bare
from ai.times.wording import ordinal

# fmt: off
DE_DAYS = (
    "montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonnabend", "sonntag",
)
ES_DAYS = ("lunes", "martes", "miercoles", "jueves", "viernes", "sabado", "domingo")
FR_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)
_PARTS = frozenset({
    "a", "an", "half", "halb", "media", "demie", "quarter", "viertel", "quart", "cuarto",
    "dreiviertel", "first", "second", "third",
})
# fmt: on
_D = f"(?:{'|'.join([*DE_DAYS, *ES_DAYS, *FR_DAYS])})"
_DE = f"(?:{'|'.join(DE_DAYS)})"
_M = "|".join(bare(word) for month in MONTHS for word in TRANSLATIONS[month].split())
_N = r"(?P<day>\d{1,2})(?:\.|er|ro)?"
_HOUR = r"(?P<hour>\d{1,2})"
_LEN = r"(?:stunden?|horas?|heures?)"
_EACH = r"(?:every|jede[nsrm]?|cada|chaque)"
_MONTH = r"(?:monate?s?|mes|mois)"
_THE_MONTH = rf"(?:{_EACH}|im|des|(?:de|du|del|d')(?: {_EACH})?) {_MONTH}"
_WORKDAYS = (
    r"an werktagen|unter der woche|werktags?|wochentags|entre semana|en semaine"
    r"|de lunes a viernes|du lundi au vendredi|montags? bis freitags?|mo-fr"
)
_BY = (
    r"(?:bis(?: spatestens)?(?: zum| am)?|spatestens(?: bis| am)|antes de(?:l)?|hasta(?: el)?"
    r"|para el|avant(?: le)?|pour(?: le)?|d.ici(?: le)?)"
)
_A_DAY = rf"(?:{_D}|demain|manana|morgen|\d{{1,2}}\.? (?:de )?(?:{_M})\b)"
_H = r"(?P<hour>1[0-2]|[1-9])"
_ORD = r"(?P<nth>first|second|third|last)"
PATTERNS: tuple[tuple[str, str], ...] = (
    (r"(?:erste[nrsm]?|1er|premiers?|premiere|primer[oa]?)", "first"),
    (r"(?:zweite[nrsm]?|deuxieme|segund[oa])(?= [a-z])", "second"),
    (r"(?:dritte[nrsm]?|troisieme|tercer[oa]?)", "third"),
    (r"(?:letzte[nrsm]?|derniers?|ultimo)", "last"),
    (r"(minut|hor|dia|seman)it([oa]s?)", r"\1\2"),
    # what comes again
    (r"1 dia si y (?:otro|1) no", "every other day"),
    (rf"1 ({_D}|semaine|jour|mois) sur 2", r"every other \1"),
    (rf"(wochen) ({_DE})s", r"\1 on \2"),
    (rf"(?:immer )?({_DE})s (?:und|&) ({_DE})s", r"every \1 and \2"),
    (rf"(?:immer )?({_DE})s", r"every \1"),
    (rf"(?<!todos )los ({_D}) y (?:los )?({_D})", r"every \1 and \2"),
    (rf"(?<!todos )los ({_D})", r"every \1"),
    (r"(?:tou(?:te)?s|tod[oa]s) (?:los|las|les)|cada|chaque|jede[nrsm]?|alle", "every"),
    (rf"(every {_D}s?) (?:und|y|et)(?: les| los)? ({_D}s?)", r"\1 and \2"),
    (
        rf"(?:(?:am|le|el|den|every) )?{_ORD} (?P<of>{_D}s?) {_THE_MONTH}",
        r"every \g<nth> \g<of> of the month",
    ),
    (rf"every {_N} {_THE_MONTH}", "monthly"),
    (rf"(?:(?:am|zum|le|el|on)(?: dia)? )?{_N} (?:de |d')?{_EACH} {_MONTH}", "monthly"),
    (rf"(?:(?:am|zum|le|el) )?first (?:de )?{_EACH} {_MONTH}", "on the 1st of every month"),
    (rf"(?:every )?(?:{_WORKDAYS})", "every weekday"),
    (r"taglich|diariamente|a diario|quotidiennement", "every day"),
    (r"wochentlich|semanalmente", "every week"),
    (r"monatlich|mensualmente", "every month"),
    (r"every (?:abend|soirs?)", "every evening"),
    (r"every (?:morgen|matins?|mananas?)", "every morning"),
    (r"every (?:nacht|noches?|nuits?)", "every night"),
    (r"every (?:nachmittag|tardes?|apres-midi)", "every afternoon"),
    (r"every (?:mittag|midis?|mediodias?)", "every day at noon"),
    # lengths
    (rf"(?:1 |'?ne[rm]? )?dreiviertelstunde|3 (?:cuartos|quarts) (?:de |d'){_LEN}", "45 minutes"),
    (
        r"(?:1 |'?ne[rm]? )?viertelstunde|(?:1 )?(?:cuarto|quart) (?:de |d')(?:hora|heure)",
        "15 minutes",
    ),
    (r"(?:1 |'?ne[rm]? )?halben? stunde|(?:1 )?demi-heure|media hora", "30 minutes"),
    (r"(?:anderthalb|eineinhalb) stunden?|1 hora y media|1 heure et demie", "90 minutes"),
    (r"(?:en|dentro de|dans|in) (\d+)( heures? et demie| horas? y media)", r"in \1.5 hours"),
    # days
    (r"ubermorgen|pasado manana|apres-demain|apres demain", "in 2 days"),
    (r"(?:morgen fruh|manana por la manana|demain matin)", "tomorrow morning"),
    (r"(?:morgen|demain|manana por la) (?:abend|soir|noche)", "tomorrow evening"),
    (
        r"(?:morgen|demain|manana por la) (?:nachmittag|apres-midi|apres midi|tarde)",
        "tomorrow afternoon",
    ),
    (r"(?:morgen|demain) (?:mittag|midi)", "tomorrow at noon"),
    (r"heute mittag", "today at noon"),
    (r"heute (?:abend|nacht)|esta noche|hoy por la noche|ce soir|cette nuit", "tonight"),
    (
        r"heute nachmittag|esta tarde|hoy por la tarde|cet apres-midi|cet apres midi",
        "this afternoon",
    ),
    (r"heute (?:fruh|morgen)|esta manana|ce matin", "this morning"),
    (rf"({_D}) (?:fruh|morgen|vormittag|matin|(?:por|en) la manana)", r"\1 morning"),
    (rf"({_D}) (?:nachmittag|apres-midi|apres midi|(?:por|en) la tarde)", r"\1 afternoon"),
    (rf"({_D}) (?:abend|soir|(?:por|en) la noche)", r"\1 evening"),
    (rf"({_D}) (?:mittag|midi)", r"\1 at noon"),
    (r"(?:de|por) la manana|(?:du|le) matin|am morgen|morgens|vormittags|fruh", "in the morning"),
    (r"(?:de|por) la tarde|(?:de )?l.apres-midi|nachmittags|am nachmittag", "in the afternoon"),
    (r"(?:de|por) la noche|(?:du|le) soir|abends|am abend", "in the evening"),
    (r"a(?:m|n) wochenende|el fin de semana|le week-end", "at the weekend"),
    (
        r"(?:am )?(?:ende (?:des|vom) monats?|monatsende)|a? ?fin(?:ales)? de mes|fin du mois",
        "end of the month",
    ),
    (rf"(?:nachste[nrsm]?|proxim[oa]) ({_D}|woche|semana|mes|monat)", r"next \1"),
    (r"(?:la )?(?:semana que viene|semaine prochaine)", "next week"),
    (rf"(?:el )?({_D}|mes|mois) (?:prochaine?|que viene)", r"next \1"),
    (rf"(?:kommende[nrsm]?|diese[nrsm]?|este|ce) ({_D})", r"this \1"),
    (r"diese[sm]? wochenende|este fin de semana|ce week-end", "this weekend"),
    # until when
    (rf"{_BY}(?= {_A_DAY})", "by"),
    (rf"(?:bis(?: zum)?|antes del|hasta el|para el|avant le|pour le|d.ici le) {_N}$", "date"),
    (r"(?:avant|antes de las|bis)(?= \d{1,2}(?: ?h| ?uhr|:|$))", "by"),
    (r"am (?P<day>\d{1,2})\.?$", "date"),
    (rf"(?:(?:am|den|le|el|zum) )?{_N} (?:de )?(?P<month>{_M})", "month"),
    (r"(?P<day>\d{1,2})\.(?P<number>1[0-2]|0?[1-9])\.", "month"),
    # times of day
    (r"al? mediodia|a midi|mittags|midi|mediodia", "at noon"),
    (r"a medianoche|a minuit|um mitternacht", "at midnight"),
    (r"halb (?P<hour>1[0-2]|[1-9])", "half"),
    (r"(?P<part>viertel|dreiviertel) (?:(?P<side>vor|nach) )?(?P<hour>1[0-2]|[1-9])", "part"),
    (r"(?P<part>5|10|20|25) (?P<side>vor|nach) (?P<hour>1[0-2]|[1-9])", "part"),
    (r"(?P<hour>1[0-2]|[1-9]) (?P<side>y|menos) (?P<part>cuarto|media|5|10|20|25)", "part"),
    (rf"{_H} ?(?:h|heures?) (?P<side>et) (?P<part>quart|demie?|5|10|20|25)", "part"),
    (rf"{_H} ?(?:h|heures?) (?P<side>moins(?: le)?) (?P<part>quart|5|10|20|25)", "part"),
    (rf"(?<!dans )(?<!in )(?<!every ){_HOUR} ?h(?:eures?)?(?: ?(?P<minute>\d\d))?", "clock"),
    (rf"{_HOUR}(?:[:.](?P<minute>\d\d))? uhr(?: (?P<more>\d\d))?", "clock"),
    (r"um|gegen|a las?|a|vers|punkt|sobre las?", "at"),
    (r"en|dans|nach|dentro de|d.ici|auf(?= \d+ ?(?:m|stun|sek))", "in"),
    (r"am|den|der|dem|el|los|las|le|les|la|l|de|du|des", ""),
)
_PATTERNS = [(re.compile(rf"(?<!\w)(?:{one})(?!\w)"), other) for one, other in PATTERNS]
_WORD = re.compile(r"[^\W\d_]+")
_COMPOUND = re.compile(rf"({_DE})(?=(?:morgen|vormittag|mittag|nachmittag|abend|nacht))")
_DOT = re.compile(r"(?<!\.\d)(?<!\.\d\d)(?<=\d)\.(?=\s)")  # "am 3. März"
_LATER = frozenset({"morgen", "manana"})  # that is both "tomorrow" and "morning"
NUMBERS = {
    bare(word): str(number)
    for number, said in reversed(NUMBER_WORDS.items())
    for word in said.split()
    if word not in TIME_WORDS
    and bare(word) not in _PARTS
    and word[:5] not in ("erste", "zweit", "premi", "prime", "segun")
}
_ENGLISH = {
    bare(word): english
    for english, said in reversed(TRANSLATIONS.items())
    for word in said.split()
    if (english != "morning" or bare(word) not in _LATER) and english != "weekend" and word != "an"
} | {"midi": "noon", "wochenende": "weekend", "min": "minutes", "y": "and", "et": "and"}
VOCABULARY = (
    frozenset(word for one, _ in PATTERNS for word in re.findall(r"[a-z]{2,}", one))
    | _ENGLISH.keys()
    | NUMBERS.keys()
    | {
        "h",
        "y",
        "a",
        "l",
        "d",
        "von",
        "ner",
        "tous",
        "toutes",
        "todos",
        "todas",
        "minutit",
        "horit",
    }
)
"""The words that a time may be made of, without the ends that some of them have."""
ENDINGS = ("", "n", "s", "r", "m", "as", "os", "a", "o")


def translated(words: str) -> str:
    """Return words for a time in English, word by word where they are no phrase."""
    said = _WORD.sub(lambda match: NUMBERS.get(match[0], match[0]), bare(words))
    said = _COMPOUND.sub(r"\1 ", said)  # "Montagabend"
    said = _DOT.sub("", said.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    for pattern, other in _PATTERNS:
        said = pattern.sub(lambda match, other=other: _put(match, other), said)  # type: ignore[misc]
    said = " ".join(_WORD.sub(_in_english, said).split())
    return re.sub(r"\b((?!1\b)\d+) (minute|hour|day|week|month|year)\b", r"\1 \2s", said)


def may_be_of_time(word: str) -> bool:
    """Say whether a word may be part of a time."""
    plain = bare(word)
    return plain[:1].isdigit() or all(
        f"{one}s" in VOCABULARY
        or any(one.removesuffix(end) in VOCABULARY for end in ENDINGS)
        or _is_compound(one)
        for one in _WORD.findall(plain)
    )


def _is_compound(word: str) -> bool:
    return any(word.startswith(day) for day in DE_DAYS)


def _put(match: re.Match[str], other: str) -> str:
    groups = match.groupdict()
    if other == "half":  # halb acht is half past seven
        return f"{(int(match['hour']) - 1) % 24}:30"
    if other == "part":  # Viertel vor sechs is 5:45, and so is dreiviertel sechs
        return _part_of_hour(match["part"], match["side"], int(match["hour"]))
    if other == "date":
        return f"by the {ordinal(match['day'])}"
    if other == "monthly":
        return f"on the {ordinal(match['day'])} of every month"
    if other == "month":
        month = groups.get("month")
        name = _ENGLISH[month] if month else MONTHS[int(match["number"]) - 1]
        return f"{match['day']} {name}"
    if other == "clock":
        return f"{match['hour']}:{groups['minute'] or groups.get('more') or '00'}"
    return match.expand(other) if "\\" in other else other


def _part_of_hour(part: str, side: str | None, hour: int) -> str:
    minutes = int(part) if part.isdigit() else 30 if part in ("media", "demie", "demi") else 15
    if side is None:  # as they say in some parts
        minutes = 45 if part == "dreiviertel" else 15
    elif side in ("vor", "menos", "moins", "moins le"):
        minutes = 60 - minutes
    is_before = side not in ("nach", "y", "et")
    return f"{(hour - is_before) % 24}:{minutes:02}"


def _in_english(match: re.Match[str]) -> str:
    word = match[0]
    return _ENGLISH.get(word) or _ENGLISH.get(word.removesuffix("s")) or word
