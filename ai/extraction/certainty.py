"""How certain it is that a message orders what a model took it for."""

import re
from collections.abc import Iterator, Mapping, Set
from functools import lru_cache
from itertools import permutations
from typing import Any

from ai.commands import Command, CommandSpec
from ai.extraction.checks import KEY, Checked, Key, check, find_spec, given_to, values_of
from ai.extraction.examples import NONE, Nearest, is_done, name_of
from ai.extraction.grounding import STEM, Sources, bare, words_of
from ai.extraction.sentence_words import (
    COMMON,
    FILLERS,
    always_in,
    answers_questions,
    asks_leave,
    is_question,
    likeness,
    row_in,
    sentence_words,
    split_words,
    stem,
    words_said,
)
from ai.extraction.times_elsewhere import may_be_of_time
from ai.extraction.times_in_english import MAX_TEXT, is_readable
from ai.extraction.whole_names import joined
from ai.languages import WORDS, Language, language_of
from ai.sentences.near import CHATTER
from ai.sentences.references import MAKERS, named_by
from ai.times.grammar import phrases
from ai.times.recurrence import is_recurring
from ai.times.resolve import NOW

UNTELLING = ("choice", "when", "date", "duration")
"""Kinds of values that are said in talk of anything: "will it snow this week?"."""
HALF = 0.5  # of the words of a sentence
_ARTICLES = "the|an?|some|d[eu]|des|l[ae]s?|de la|el|los|un[ae]?|der|die|das|den|eine?n?"
_AND = re.compile(rf"(?:\s*,)?\s+(?:and|und|y|et|&)\s+(?:(?:{_ARTICLES})\s+)?(\w+)", re.IGNORECASE)
_CLAUSES = re.compile(r"[,;:.!?]\s+\w|\b(?:and|but|so)\s+(?:i|we)\b", re.IGNORECASE)
_CLAUSE_ENDS = re.compile(r"[,;:.!?]\s+|\s+(?:and|but|so|then)\s+", re.IGNORECASE)
WHO = frozenset({"i", "we", "he", "she", "they", "it", "you"})
SURE = 0.6  # the likeness from which an example says more of what is meant than a small model


def _times(spec: CommandSpec, command: Mapping[str, Any]) -> list[str]:
    """Return the times among a command's values."""
    names = (one.name for one in spec.parsed_fields if one.is_time)
    return [str(command[name]) for name in names if command.get(name)]


@lru_cache(maxsize=64)
def _known(specs: tuple[CommandSpec, ...], language: Language) -> frozenset[str]:
    """Return the words that tell of nothing that an order could be about."""
    return (COMMON | CHATTER | WORDS[language]).union(*map(sentence_words, specs))


def _tells_what_was(text: str) -> bool:
    """Say whether an English text is a tale of one clause: "we had a lovely weekend"."""
    first, second = [*split_words(text), "", ""][:2]
    is_past = second in ("had", "was", "were") or is_done(second)
    return first in WHO and is_past and not _CLAUSES.search(text)


class Certainty:
    """Holds commands against a message's own words, and against the examples it is like."""

    def __init__(
        self,
        specs: tuple[CommandSpec, ...],
        text: str,
        just_said: Sources,
        nearest: Nearest | None,
    ) -> None:
        """Know the commands and the message; a text of "" leaves the words alone to count."""
        self.likely, self._likeness = (nearest.likely, nearest.likeness) if nearest else ("", 0.0)
        self._nearest = nearest
        self._specs, self._text, self._just_said = specs, text, just_said

    def surely_meant(self, answer: Checked) -> Checked | None:
        """Return the command that an answer stands for, or None where it is the right one."""
        return self._asked_of(answer) or self._made(answer)

    def _asked_of(self, answer: Checked) -> Checked | None:
        """Return the likely command where it takes a value that has no place in an answer's.

        "What's on today" is no list of the name "today", and asks for no list of all.
        """
        spec = find_spec({"command": self.likely}, self._specs)
        if spec is None or values_of(answer.command):
            return None
        is_like = self._likeness >= HALF and spec is not find_spec(answer.command, self._specs)
        values = [*answer.made_up.values()]
        given = {
            field.name: value
            for field in spec.parsed_fields
            for value in (values or (field.choices if is_like else ()))
            if field.kind in UNTELLING and (values or self._just_said.support(field, value))
        }
        if not given:
            return None
        found = check(given, spec, self._text)
        needed = {*KEY, *(field.name for field in spec.parsed_fields if field.required)}
        is_whole = found.command.keys() >= needed and found.command.keys() > {*KEY}
        return found if is_whole and not found.problems else None

    def _made(self, answer: Checked) -> Checked | None:
        """Return the command with examples that makes the same, for one without that has a time."""
        spec = find_spec(answer.command, self._specs)
        if not spec or spec.action not in MAKERS or spec.examples:
            return None
        if self._nameless(spec, answer.command):
            return None
        others = [one for one in self._makers(spec) if one.examples]
        if not others or not _times(spec, answer.command):
            return None
        command = given_to(others[0], answer.command, self._specs)
        return Checked(command, answer.problems, answer.made_up) if command else None

    def likeness_of(self, command: Command) -> float:
        """Return how much the words beside a command's values are like its sentences."""
        spec = find_spec(command, self._specs)
        return self._likeness_to(spec, values_of(command)) if spec else 0.0

    def is_aside(self, spec: CommandSpec, first: Command, values: Command) -> bool:
        """Say whether a second order is of a clause that tells of somebody, and of no such command.

        "No pings from ten, I do earlies" orders one thing.
        """
        if spec is find_spec(first, self._specs) or language_of(self._text) != "en":
            return False
        words = words_of(values)
        clauses = (split_words(one) for one in _CLAUSE_ENDS.split(self._text))
        own = next((clause for clause in clauses if not words.isdisjoint(clause)), None)
        if (
            not own
            or own[0] not in WHO
            or spec.action in MAKERS
            or not words_of(values_of(first)).isdisjoint(own)
        ):
            return False
        return not Sources(" ".join(own)).ask_for(spec)

    def likelier(self, answer: Checked) -> Checked | None:
        """Return a command that is more likely than an answer's, and takes all of its values.

        Small models give "add", "change the time" and "move" for each other.
        """
        spec = find_spec(answer.command, self._specs)
        if spec is None or answer.is_all_made_up:
            return None
        if nameless := self._nameless(spec, answer.command):
            return Checked(nameless, answer.problems)
        for other in self._likelier_than(spec, answer.command):
            if command := given_to(other, answer.command, self._specs):
                return Checked(command, answer.problems)
        return None

    def _nameless(self, spec: CommandSpec, command: Command) -> Command | None:
        """Return the likely command without a name that is only what an order is given in.

        "Despiértame" is no task.
        """
        likely, about = find_spec({"command": self.likely}, self._specs), named_by(spec)
        if not self._nearest or not likely or not about or about in likely.parsed_fields:
            return None
        words = split_words(str(command.get(about.name, "")))
        rest = {key: value for key, value in command.items() if key != about.name}
        is_frame = spec.action in MAKERS and all(map(self._nearest.has, words))
        return given_to(likely, rest, self._specs) if is_frame else None

    def _likelier_than(self, spec: CommandSpec, command: Command) -> Iterator[CommandSpec]:
        """Yield the commands that a message is more like than one, the likeliest first."""
        likely = find_spec({"command": self.likely}, self._specs)
        is_again = spec.action not in MAKERS and any(map(is_recurring, _times(spec, command)))
        if is_again and (self._likeness < SURE or likely is not spec):
            yield from self._makers(spec)  # what repeats is rarely there already
            return
        if likely and (likely is spec or self._likeness >= SURE):
            yield likely
            return
        if language_of(self._text) != "en" or spec.action in MAKERS:
            return
        values = values_of(command)
        own, alike = self._likeness_to(spec, values), self._alike(values)
        best = [one for one in self._specs if alike[one.key] == max(alike.values())]
        is_akin = best[0].interaction_type == spec.interaction_type
        if is_akin and len(best) == 1 and alike[best[0].key] > max(own, HALF):
            yield from best

    def made_instead(self, command: Command, *, is_known: bool) -> Command | None:
        """Return the order that makes what another one changes, or None where none is likely.

        A small model takes "tell me about the newts at 9" for a change of their time. `is_known`
        says that there is no such thing to change; else the message's words have to leave it open.
        """
        spec = find_spec(command, self._specs)
        likely = find_spec({"command": self.likely}, self._specs)
        if spec is None or spec.action in MAKERS:
            return None
        makers = [likely] if is_known and likely and likely.action in MAKERS else []
        is_timed = any(_times(spec, command))
        if is_timed and language_of(self._text) == "en" and name_of(spec) != self.likely:
            is_open = not self._likeness_to(spec, values_of(command))
            makers += self._makers(spec) if is_open else []
        return next((made for one in makers if (made := given_to(one, command, self._specs))), None)

    def _makers(self, spec: CommandSpec) -> list[CommandSpec]:
        kind = spec.interaction_type
        return [one for one in self._specs if one.action in MAKERS and one.interaction_type == kind]

    def is_ordered(self, spec: CommandSpec, command: Command, *, is_one: bool = True) -> bool:
        """Say whether the message orders a command, as far as its words tell.

        `is_one` says that it orders no other command, in which models are more often right.
        """
        said = self._just_said
        given = [one for one in spec.parsed_fields if one.name in command]
        values = {one.name: command[one.name] for one in given}
        if not said.name(spec, values):
            return False
        if not self._text:
            return True
        agrees = name_of(spec) == self.likely
        is_none = self.likely == NONE and bool(spec.examples)
        if not agrees and self._likeness >= (HALF if is_none else SURE):
            return False
        if any(one.kind == "text" for one in given) and said.are_only(values):
            return False
        is_named = not given or any(one.kind not in UNTELLING for one in given)
        if not self._is_whole(spec, values):
            return False
        asks = is_question(self._text) and not (agrees and self._likeness >= SURE)
        if asks and not answers_questions(spec):
            return False
        if language_of(self._text) != "en":  # no sentences are written in it
            is_enough = spec.action in MAKERS or not spec.examples
            return agrees or (is_enough and bool(given) and is_named and is_one)
        is_answer = agrees or not asks_leave(self._text) or answers_questions(spec)
        if spec.action in MAKERS and self._likeness < SURE and _tells_what_was(self._text):
            return False
        is_made = spec.action in MAKERS and is_named and is_one
        is_asked_for = agrees or is_made or self._is_told(spec, values, is_one=is_one)
        return is_asked_for and is_answer and said.have_all(spec)

    def is_foreign(self, command: Command) -> bool:
        """Say whether a message is of something else: it has no name, and no word, of a command.

        That it names a day is not enough to offer to show what is due then.
        """
        spec = find_spec(command, self._specs)
        if spec is None or not self._text or language_of(self._text) != "en":
            return False
        values = values_of(command)
        is_named = any(one.name in values and one.kind not in UNTELLING for one in spec.fields)
        is_told = self._likeness_to(spec, values) >= HALF or self._just_said.points
        return not (is_named or is_told) and bool(spec.examples) and name_of(spec) != self.likely

    def asks_for(self, spec: CommandSpec) -> bool:
        """Say whether the most of a sentence is said that a command without any value has."""
        words = self._words_beside({})
        return name_of(spec) == self.likely or likeness(spec, words, set()) > HALF

    def leaves_out(self, spec: CommandSpec, command: Command, said: Set[str]) -> bool:
        """Say whether a name stands in a row whose next one is in no order.

        `said` are the words of all values of all orders.
        """
        each = next((one.name for one in spec.parsed_fields if one.each), "")
        found = row_in(split_words(str(command.get(each, ""))), self._text)
        behind = _AND.match(self._text, found[1]) if found else None
        return behind is not None and said.isdisjoint(split_words(behind[1]))

    def leaves_words(self, spec: CommandSpec, said: Set[str]) -> bool:
        """Say whether a word of the message tells of something that is in none of its orders.

        `said` are the words of all values; a name may lack a part that the message has.
        """
        is_shown = any(one.examples for one in self._makers(spec))
        if self._nearest is None or spec.action not in MAKERS or not is_shown:
            return False
        text, language = self._text[:MAX_TEXT], language_of(self._text)
        beginnings = {word[:STEM] for word in map(bare, said)}
        spans = phrases.find(text) if language == "en" else ()
        times = {word for span in spans for word in split_words(text[slice(*span)])}
        known = _known(self._specs, language)
        return any(
            len(word) >= STEM
            and word not in known
            and word not in times
            and bare(word)[:STEM] not in beginnings
            and not self._nearest.has(word)
            and not (language != "en" and may_be_of_time(word))
            for word in split_words(text)
        )

    def _is_whole(self, spec: CommandSpec, values: Mapping[str, Any]) -> bool:
        """Say whether a command's values have all times of the message, and its names are names.

        The name "grandma sunday arvo" has a part of a time, "lists" is a word for any list.
        """
        given = [one for one in spec.parsed_fields if one.name in values]
        names = {one.name: values[one.name] for one in given if one.kind == "text"}
        times = {one.name: values[one.name] for one in given if one.is_time}
        frame = {*map(stem, always_in(spec))}
        if any({*map(stem, words_of({"": name}))} <= frame for name in names.values()):
            return False
        if spec.action in MAKERS and any(phrases.read_all(f"in {one}") for one in names.values()):
            return False  # "45 mins" is no thing
        if any(joined(one, other, self._text) for one, other in permutations(names.values(), 2)):
            return False  # "cours de poterie" is one name
        is_to_come = all(one.tense == "future" for one in given if one.is_time)
        if is_to_come and "yesterday" in words_of(times):
            return False
        if spec.action in MAKERS and not all(map(is_readable, times.values())):
            return False
        if spec.action in MAKERS and not all(map(self._is_in_one, names.values())):
            return False
        if not times or language_of(self._text) != "en":
            return True
        if words_of(times) <= words_of(names):
            return False
        spans = phrases.find(self._text[:MAX_TEXT])
        told = words_of(values) | FILLERS | NOW
        found = [split_words(self._text[slice(*span)]) for span in spans]
        return len(found) < 2 or all(told.issuperset(words) for words in found)

    def _is_in_one(self, name: str) -> bool:
        """Say whether a name's words stand together in the message: "raid on guild" may not."""
        words = [word for word in split_words(name) if word not in FILLERS]
        found = row_in(
            words, self._text, lambda one: len(one) <= 3, most=2, stems=STEM, spaced=False
        )
        return found is not None

    def _is_told(self, spec: CommandSpec, values: Mapping[str, Any], *, is_one: bool) -> bool:
        """Say whether the words beside a command's values are like its sentences, no other's.

        A value is enough where the author gives no example that a message could be like.
        """
        own = self._likeness_to(spec, values)
        is_beside = not is_one and bool(values)  # other orders, whose words are said as well
        is_named = any(one.name in values and one.kind not in UNTELLING for one in spec.fields)
        is_enough = own >= HALF or (is_named and not spec.examples)
        words = self._words_beside(values)
        said = words_said(spec, words, whole=False)
        is_best = own >= max(self._alike(values).values()) and all(
            words_said(one, words, whole=True) <= said for one in self._specs
        )
        return is_enough and (is_beside or is_best)

    def _likeness_to(self, spec: CommandSpec, values: Mapping[str, Any]) -> float:
        """Return how much the words beside some values are like what is said for a command."""
        return likeness(spec, self._words_beside(values), values.keys(), with_near=True)

    def _alike(self, values: Mapping[str, Any]) -> dict[Key, float]:
        """Return how much the words beside some values are like each command's sentences."""
        words = self._words_beside(values)
        return {one.key: likeness(one, words, values.keys()) for one in self._specs}

    def _words_beside(self, values: Mapping[str, Any]) -> Set[str]:
        return {*map(stem, self._just_said.words - words_of(values))}
