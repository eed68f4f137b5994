"""Whether a value that a model gives comes from what the person said.

Small models fill in what they were not told. A value counts as said where its words do: in the
message, in the person's last messages, or in what they see and spoke of last. Spelling and
inflection may differ, and times may be translated into English.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from rapidfuzz import fuzz, process

from ai.commands import CommandSpec, FieldSpec
from ai.extraction.sentence_words import (
    COMMON,
    FILLERS,
    WORD,
    always_in,
    sentence_words,
    split_words,
)
from ai.times.grammar.numbers import ONES, ORDINALS
from ai.times.grammar.phrases import find

ENOUGH = 0.5  # of a text's words that were said
ALIKE = 80.0  # of 100; a wrong letter in five, or two in eight
SHORT = 3  # letters of what longer words are cut to
STEM = 4  # letters that words with one stem have in common
NOTHING = frozenset({"none", "null", "nothing", "n/a", "unknown", "unspecified", "default"})
"""What models write for a value that was not said."""
_ASIDES = re.compile(
    r"^(?:(?:finally|already|just|please|pls|at (?:long )?last|endlich|bitte|ya|enfin|déjà)\s+)+"
    r"|\s+(?:runter|rein|raus|drauf|hinzu|weg)$"  # of German verbs: "nimm Mehl ... runter"
    r"|(?:,?\s+(?:already|please|pls|plz|thanks|thx|cheers|too|(?:just )?now"
    r"|at (?:long )?last|schon|bitte|danke|ya|por favor|porfa|gracias|déjà|stp|svp|merci"
    r"|s.il (?:te|vous) pla[iî]t))+$",
    re.IGNORECASE,
)
_ITS = re.compile(r"(\w+)['’]s")  # noqa: RUF001
_AT_ONE_TIME = re.compile(
    r"\d|(?:after|before|when|once|by|until|till|at|on|in|as|nach|vor|wenn|sobald|bis|um|am|im"
    r"|después|antes|cuando|hasta|a|al|après|avant|quand|dès|à|le|el|la)\b",
    re.IGNORECASE,
)
"""What a time begins with that is named by what happens then: "after lunch"."""
_OF = re.compile(r"^(?:de la|de los|de las|de|du|des|del|von|vom|zum|zur|für|para|pour)\s+(?=\S)")
# fmt: off
POINTING = frozenset({
    "it", "that", "this", "them", "these", "those", "one", "ones", "both", "same", "other", "first",
    "second", "third", "fourth", "fifth", "last", "all", "everything",
})
NUMBER_WORDS = {
    1: "a an one half ein eine einen einer uno una un une erste primero premier",
    2: "two zwei zwo dos deux second zweite segundo", 3: "three drei tres trois quarter viertel",
    4: "four vier cuatro quatre", 5: "five fünf cinco cinq", 6: "six sechs seis",
    7: "seven sieben siete sept", 8: "eight acht ocho huit", 9: "nine neun nueve neuf",
    10: "ten zehn diez dix", 11: "eleven elf once onze", 12: "twelve zwölf doce douze noon mittag",
    15: "fifteen fünfzehn quince quinze quarter viertel cuarto quart",
    20: "twenty zwanzig veinte vingt", 30: "thirty dreißig treinta trente half halb media demie",
    45: "quarter dreiviertel cuarto quart",
}
"""Words that a number may be written for, in English, German, Spanish and French."""
TRANSLATIONS = {
    "today": "heute hoy aujourd hui", "tomorrow": "morgen mañana demain tmrw tmr tmw tomoz moro",
    "tonight": "heute abend nacht noche soir nuit tonite nite", "yesterday": "gestern ayer hier",
    "morning": "morgen früh vormittag mañana matin", "afternoon": "nachmittag tarde après midi",
    "evening": "abend tarde noche soir", "night": "nacht abend noche nuit soir",
    "noon": "mittag mediodía midi", "midnight": "mitternacht medianoche minuit",
    "monday": "montag lunes lundi", "tuesday": "dienstag martes mardi",
    "wednesday": "mittwoch miércoles mercredi", "thursday": "donnerstag jueves jeudi",
    "friday": "freitag viernes vendredi", "saturday": "samstag sonnabend sábado samedi",
    "sunday": "sonntag domingo dimanche", "weekend": "wochenende fin semana week end",
    "day": "tag tage tagen täglich día días jour jours quotidien", "daily": "täglich diario jour",
    "week": "woche wochen wöchentlich semana semanas semaine semaines",
    "month": "monat monate monatlich mes meses mois", "year": "jahr jahre año años an ans année",
    "hour": "stunde stunden hora horas heure heures",
    "minute": "minute minuten minutos minutes min mins",
    "second": "sekunde sekunden segundos secondes",
    "every": "jeden jede jedes alle cada todos tous",
    "next": "nächste nächsten nächster próximo próxima prochain prochaine viene",
    "january": "januar enero janvier", "february": "februar febrero février",
    "march": "märz marzo mars", "april": "april abril avril", "may": "mai mayo",
    "june": "juni junio juin", "july": "juli julio juillet", "august": "august agosto août",
    "september": "september septiembre septembre", "october": "oktober octubre octobre",
    "november": "november noviembre novembre", "december": "dezember diciembre décembre",
}
TIME_WORDS = frozenset(word for said in TRANSLATIONS.items() for word in " ".join(said).split()) | {
    "this", "diese", "esta", "cette", "übermorgen",
}
"""Words that name times alone: "this week" is no list."""
# fmt: on


class Sources:
    """What a person has said and seen."""

    def __init__(self, said: str, known: Iterable[str] = (), *, may_point: bool = True) -> None:
        """Take their message with the ones before it, and names that they were shown.

        With `may_point=False` there is nothing that "it" could point at.
        """
        self._may_point = may_point
        whole = " ".join([said, *known])
        self.words = frozenset(split_words(whole))
        self._has_underscores = "_" in whole
        self._short = sorted(word for word in self.words - COMMON if len(word) == SHORT)
        self._telling = frozenset(map(bare, self.words - COMMON)) | (self.words - COMMON)
        self.numbers = frozenset(int(word) for word in self.words if word.isdigit()) | {
            number for word in self.words for number in _numbers().get(word, ())
        }

    def name(self, spec: CommandSpec, values: Mapping[str, Any]) -> bool:
        """Say whether anything here speaks of a command: its words, a value, or a pointer.

        That something is so or not (a boolean) is no word for a command.
        """
        if self.ask_for(spec):
            return True
        told = (one for one in spec.parsed_fields if one.name in values and one.kind != "boolean")
        return (self.points and any(True for _ in told)) or any(
            self.support(one, values[one.name]) for one in told
        )

    @property
    def points(self) -> bool:
        """Whether a word points at something that was said or shown before."""
        return self._may_point and not self.words.isdisjoint(POINTING)

    def hold(self, spec: CommandSpec, values: Mapping[str, Any]) -> bool:
        """Say whether all values of a command were said here, and none was pointed at."""
        fields = [one for one in spec.parsed_fields if one.name in values]
        return not self.points and all(self.support(one, values[one.name]) for one in fields)

    def ask_for(self, spec: CommandSpec) -> bool:
        """Say whether a word of a command's sentences or its hint is here."""
        told = _told_by(spec)
        return (
            not self.words.isdisjoint(told.words)
            or any(told.begin(said) or told.hold(said) for said in self.words)
            or any(
                process.extractOne(said, told.long, scorer=fuzz.ratio, score_cutoff=ALIKE)
                for said in self._telling
            )
        )

    def have_all(self, spec: CommandSpec) -> bool:
        """Say whether the words are here that are in each of a command's sentences."""
        return all(self._has(word) for word in always_in(spec))

    def are_only(self, values: Mapping[str, Any]) -> bool:
        """Say whether nothing is said here but the values of a command: no word orders it."""
        return not self.words - FILLERS - words_of(values)

    def support(self, field: FieldSpec, value: Any) -> bool:  # noqa: ANN401 - any JSON
        """Say whether a field's value comes from here."""
        if isinstance(value, list):
            return all(self.support(field, one) for one in value)
        match field.kind:
            case "boolean":
                return True  # it is said in too many ways
            case "integer" | "number" | "decimal":
                return all(
                    self._has_number(word) for word in split_words(str(value)) if word.isdigit()
                )
            case "choice" | "duration":  # a choice may be a day: "today"
                return self._has_time(str(value))
            case "when" | "date":
                said = str(value)
                is_read = bool(_AT_ONE_TIME.match(said) or find(said))
                names_one = is_read or not TIME_WORDS.isdisjoint(split_words(said))
                return names_one and self._has_time(said)
            case _:
                is_time = all(word in TIME_WORDS for word in split_words(str(value)))
                return self._has_text(str(value)) and not is_time

    def is_nothing(self, value: str) -> bool:
        """Say whether a value stands for none at all."""
        word = value.strip(" .-").casefold()
        return not word or (word in NOTHING and word not in self.words)

    def as_said(self, text: str) -> str:
        """Return a text as the person wrote it.

        It gets back the accents that models leave out, and loses what it begins and ends with that
        nobody said ("appointment"), or that says nothing of the thing itself ("already").
        """
        if not self._has_underscores:
            text = text.replace("_", " ")  # "hardware_store", as names in programs are written
        text = its[1] if (its := _ITS.fullmatch(text)) else text  # "pizza's in the oven"
        text = _OF.sub("", _ASIDES.sub("", text).strip()) or text
        words = [*WORD.finditer(text)]
        said = [word for word in words if self._may_be_said(self._spelled(word[0]).casefold())]
        while said and said[-1] is not words[-1] and said[-1][0].casefold() in FILLERS:
            said.pop()
        if said:
            begins = 0 if said[0] is words[0] else said[0].start()
            text = text[begins:] if said[-1] is words[-1] else text[begins : said[-1].end()]
        return WORD.sub(lambda match: self._spelled(match[0]), text)

    def _may_be_said(self, word: str) -> bool:
        """Say whether a word was said, or one that may be short for it: "bday" for "birthday"."""
        like = {said for said in self.words if said[0] == word[0] and set(said) <= set(word)}
        return self._has(word) or any(len(said) > len(word) / 3 for said in like)

    def _spelled(self, word: str) -> str:
        if word.casefold() in self.words:
            return word
        plain = bare(word)
        ways = (plain, f"{plain}s")  # models leave out accents, and what makes many of one
        said = next((said for said in sorted(self.words) if bare(said) in ways), "")
        said = said or next(filter(plain.startswith, self._short), "")  # "vet" for "veterinary"
        said = said or self._misspelled(word.casefold()) or word
        return said.capitalize() if word.istitle() else said

    def _misspelled(self, word: str) -> str:
        """Return the word that a model misspelled, "" for none: no other form of it, as "tuned"."""
        alike = {
            said
            for said in self.words - COMMON
            if len(said) > STEM < len(word)
            and (said[0], said[-1]) == (word[0], word[-1])
            and abs(len(said) - len(word)) <= 1
        }
        found = process.extractOne(word, sorted(alike), scorer=fuzz.ratio, score_cutoff=ALIKE)
        return found[0] if found and not self._is_in(word) else ""

    def _is_in(self, word: str) -> bool:
        return any(word in said for said in self.words)

    def _has_text(self, value: str) -> bool:
        words = [word for word in split_words(value) if word not in FILLERS] or split_words(value)
        found = sum(self._has(word) for word in words)
        return bool(words) and found >= ENOUGH * len(words)

    def _has_time(self, value: str) -> bool:
        words = split_words(value)
        certain = [word for word in words if word.isdigit() or _stem(word) in TRANSLATIONS]
        if not certain:
            return self._has_text(value)
        return all(
            self._has_number(word) if word.isdigit() else self._has_time_word(word)
            for word in certain
        )

    def _has_time_word(self, word: str) -> bool:
        translated = split_words(TRANSLATIONS[_stem(word)])
        return (
            self._has(word)
            or any(one in self.words for one in translated)
            or any(_stem(said) == _stem(word) for said in self.words)
        )

    def _has_number(self, word: str) -> bool:
        number = int(word)
        # 17 Uhr is 5pm, and 5pm is 17:00.
        return number == 0 or bool(self.numbers & {number, number + 12, number - 12})

    def _has(self, word: str) -> bool:
        if word in self.words:
            return True
        if f"{word}s" in self.words:
            return True
        if len(word) < STEM:
            return False
        stem = _beginning(word)
        if any(said.startswith(stem) or (len(said) > STEM and said in word) for said in self.words):
            return True
        alike = process.extractOne(word, self._telling, scorer=fuzz.ratio, score_cutoff=ALIKE)
        return alike is not None


class _Told(NamedTuple):
    """The words of a command's sentences, to find the ones that are like those of a message."""

    words: frozenset[str]
    long: list[str]  # those that may be spelled in other ways
    beginnings: frozenset[str]

    def begin(self, said: str) -> bool:
        """Say whether a word begins as one of these does: "reminding" as "reminder"."""
        return any(said[:end] in self.beginnings for end in range(STEM, len(said) + 1))

    def hold(self, said: str) -> bool:
        """Say whether a long word is a part of one of these."""
        return len(said) > STEM and any(said in word for word in self.long)


@lru_cache(maxsize=1024)
def _told_by(spec: CommandSpec) -> _Told:
    words = sentence_words(spec)
    long = sorted(word for word in words if len(word) >= STEM)
    return _Told(words, long, frozenset(map(_beginning, long)))


def _beginning(word: str) -> str:
    """Return what words with one stem have in common."""
    return word[: max(STEM, len(word) - 3)]


def words_of(values: Mapping[str, Any]) -> set[str]:
    """Return all words of a command's values."""
    return {*split_words(" ".join(map(str, values.values())))}


def bare(word: str) -> str:
    """Return a word in lower case without its accents."""
    parts = unicodedata.normalize("NFKD", word.casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))


def _stem(word: str) -> str:
    """Return a time word as TRANSLATIONS has it: "mondays", "mon" and "monday" are one."""
    if word.removesuffix("s") in TRANSLATIONS:
        return word.removesuffix("s")
    return next((one for one in TRANSLATIONS if len(word) == 3 and one.startswith(word)), word)


@lru_cache(maxsize=1)
def _numbers() -> dict[str, set[int]]:
    """Return the numbers that words may stand for."""
    found: dict[str, set[int]] = {}
    for number, words in NUMBER_WORDS.items():
        for word in words.split():
            found.setdefault(word, set()).add(number)
    for spelled, first in ((ONES, 0), (ORDINALS, 1)):
        for number, word in enumerate(spelled, first):
            found.setdefault(word, set()).add(number)
    return found
