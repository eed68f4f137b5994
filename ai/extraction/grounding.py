"""Whether a value that a model gives comes from what the person said.

Small models fill in what they were not told. A value counts as said where its words do: in the
message, in the person's last messages, or in what they see and spoke of last. Spelling and
inflection may differ, and times may be translated into English.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from rapidfuzz import fuzz, process

from ai.commands import CommandSpec, FieldSpec
from ai.sentences.templates import expansions
from ai.sentences.tokens import fold
from ai.times.grammar.numbers import ONES, ORDINALS

ENOUGH = 0.5  # of a text's words that were said
ALIKE = 80.0  # of 100; a wrong letter in five, or two in eight
STEM = 4  # letters that words with one stem have in common
_WORD = re.compile(r"[^\W\d_]+|\d+")
# fmt: off
FILLERS = frozenset({
    "a", "an", "the", "my", "to", "of", "on", "in", "at", "for", "and", "or", "with", "from", "by",
})
COMMON = FILLERS | {
    "i", "me", "you", "your", "it", "is", "are", "am", "was", "be", "do", "does", "did", "not",
    "have", "has", "had", "got", "get", "what", "which", "who", "how", "when", "there", "that",
    "this", "all", "any", "can", "may", "will", "want", "need", "please", "also", "as", "one",
    "show", "tell", "give", "set", "make", "put", "take", "let", "use", "so", "up", "out", "off",
}
"""Words of sentences that say nothing of which command is meant."""
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
    "today": "heute hoy aujourd hui", "tomorrow": "morgen mañana demain",
    "tonight": "heute abend nacht noche soir nuit", "yesterday": "gestern ayer hier",
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
    "hour": "stunde stunden hora horas heure heures", "minute": "minute minuten minutos minutes",
    "second": "sekunde sekunden segundos secondes",
    "every": "jeden jede jedes alle cada todos tous",
    "next": "nächste nächsten nächster próximo próxima prochain prochaine viene",
    "january": "januar enero janvier", "february": "februar febrero février",
    "march": "märz marzo mars", "april": "april abril avril", "may": "mai mayo",
    "june": "juni junio juin", "july": "juli julio juillet", "august": "august agosto août",
    "september": "september septiembre septembre", "october": "oktober octubre octobre",
    "november": "november noviembre novembre", "december": "dezember diciembre décembre",
}
# fmt: on


class Sources:
    """What a person has said and seen."""

    def __init__(self, said: str, known: Iterable[str] = ()) -> None:
        """Take their message with the ones before it, and names that they were shown."""
        self.words = frozenset(_words(" ".join([said, *known])))
        self.numbers = frozenset(int(word) for word in self.words if word.isdigit()) | {
            number for word in self.words for number in _numbers().get(word, ())
        }

    def name(self, spec: CommandSpec, values: Mapping[str, Any]) -> bool:
        """Say whether anything here speaks of a command: its words, a value, or a pointer.

        That something is so or not (a boolean) is no word for a command.
        """
        if any(self._has(word) for word in _words_of(spec)):
            return True
        told = (one for one in spec.parsed_fields if one.name in values and one.kind != "boolean")
        return (self.points and any(True for _ in told)) or any(
            self.support(one, values[one.name]) for one in told
        )

    @property
    def points(self) -> bool:
        """Whether a word points at something that was said or shown before."""
        return not self.words.isdisjoint(POINTING)

    def hold(self, spec: CommandSpec, values: Mapping[str, Any]) -> bool:
        """Say whether all values of a command were said here, and none was pointed at."""
        fields = [one for one in spec.parsed_fields if one.name in values]
        return not self.points and all(self.support(one, values[one.name]) for one in fields)

    def support(self, field: FieldSpec, value: Any) -> bool:  # noqa: ANN401 - any JSON
        """Say whether a field's value comes from here."""
        if isinstance(value, list):
            return all(self.support(field, one) for one in value)
        match field.kind:
            case "boolean":
                return True  # it is said in too many ways
            case "integer" | "number" | "decimal":
                return all(self._has_number(word) for word in _words(str(value)) if word.isdigit())
            case "when" | "date" | "duration" | "choice":  # a choice may be a day: "today"
                return self._has_time(str(value))
            case _:
                return self._has_text(str(value))

    def spelled(self, text: str) -> str:
        """Return a text with the accents that the person wrote, which models leave out."""
        return _WORD.sub(lambda match: self._spelled(match[0]), text)

    def _spelled(self, word: str) -> str:
        if word.casefold() in self.words:
            return word
        bare = _bare(word)
        return next((said for said in sorted(self.words) if _bare(said) == bare), word)

    def _has_text(self, value: str) -> bool:
        words = [word for word in _words(value) if word not in FILLERS] or _words(value)
        found = sum(self._has(word) for word in words)
        return bool(words) and found >= ENOUGH * len(words)

    def _has_time(self, value: str) -> bool:
        words = _words(value)
        certain = [word for word in words if word.isdigit() or _stem(word) in TRANSLATIONS]
        if not certain:
            return self._has_text(value)
        return all(
            self._has_number(word) if word.isdigit() else self._has_time_word(word)
            for word in certain
        )

    def _has_time_word(self, word: str) -> bool:
        translated = _words(TRANSLATIONS[_stem(word)])
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
        if len(word) < STEM:
            return False
        stem = word[: max(STEM, len(word) - 3)]
        if any(said.startswith(stem) or (len(said) > STEM and said in word) for said in self.words):
            return True
        return (
            process.extractOne(word, self.words, scorer=fuzz.ratio, score_cutoff=ALIKE) is not None
        )


@lru_cache(maxsize=1024)
def _words_of(spec: CommandSpec) -> frozenset[str]:
    """Return the words that a command's author gives for it, without those of every command."""
    said = (words for sentence in spec.sentences for words in expansions(spec, sentence))
    fixed = {fold(word) for words in said for word in words if word[0] != "{"}
    return frozenset(_words(" ".join([*fixed, spec.hint]))) - COMMON


def _words(text: str) -> list[str]:
    """Return the words of a text for comparison; digits are words of their own."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _bare(word: str) -> str:
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
