"""One text against the tree of sentences: the best reading of it, if it is the only one.

The best is the one in which a time went where a time belongs, then the one with the most fixed
words. Two different readings that are equally good are none, and so is a text that seems to hold a
second order.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from ai.commands import QUOTES, CommandSpec, FieldSpec, items, trim, typed
from ai.languages import language_of
from ai.sentences.following import SLIP, SYNONYM, Index, Match, Path, Slot
from ai.sentences.names import DETERMINERS, MAX_NAME_WORDS, is_sure_name, may_be_name
from ai.sentences.references import IT, MAKERS, Reference, ReferenceResolver, References, named_by
from ai.sentences.templates import COLON, Node
from ai.sentences.tokens import (
    ANY,
    CHORES,
    DANGLING,
    JOINTS,
    NO_CHORES,
    NO_NAME_STARTS,
    NO_PLANS,
    PLACES,
    PLANS,
    THINGS,
    TIMES,
    WHOLES,
    order_end,
    order_starts,
    slips,
    split,
)
from ai.times.grammar import phrases
from ai.times.grammar.durations import read_duration
from ai.times.grammar.reading import in_ascii

LENGTH_BEFORE = {
    *(
        "for",
        "by",
        "of",
        "timer",
        "countdown",
        "down",
        "back",
        "snooze",
        "postpone",
        "delay",
        "off",
        "when",
        "pomodoro",
    ),
}
LENGTH_OF = {"timer", "countdown", "pomodoro"}
MAX_BEFORE_TIMER = 3  # words: "a 3 minute soft egg timer"
UNTIL = {"until", "till", "til"}
TO = {"for", "to", "at"}
AND = {"and", "&"}
WHOSE = {"my", "your", "his", "her", "their"}  # "pick up my prescription tomorrow at 5"
ALARMS = {"alarm", "alarms"}
ANY_PLACE = {"wherever", "whatever", "whichever", "whoever", "whenever"}
_WHEN = re.compile(r"(?:at|on|by|in|after|before)\b", re.IGNORECASE)
_CLAUSE = re.compile(r"[,;]\s+(?:you|i|we|he|she|they|it)(?:['’]\w+)?\s", re.IGNORECASE)  # noqa: RUF001
_QUOTED_FIRST = re.compile(r"(['\"“‘]).+?['\"”’]\s+(?:and|then)\s+[a-z]", re.IGNORECASE)  # noqa: RUF001
MAX_BEFORE_HOUR = 4  # words: "alarm for me for 7"
MAX_BETWEEN_TIMES = 3  # words: "an alarm at 7 and another at 8"
MAX_SLIPS = 2
VAGUE = {"find", "open", "tell", "give", "see", "view", "repeat", "save"}
"""Words for showing and adding that are said of much else than what is on lists."""
NO_NAMES_BEHIND_TIMES = DANGLING | NO_NAME_STARTS | JOINTS | {"about"}
PLACES_OF_ALL = {"list", "tasks", "todo", "todos", "to-do"}  # "add milk, eggs to my tasks"
MAX_ITEM_WORDS = 4  # of each of the names in a row
MAX_CHORE_WORDS = 10  # of a plan that begins with a verb
MAX_VALUE_WORDS = 3  # of a number or an amount: "20 us dollars"
MAX_STEPS = 4_000  # in one message, some 15 ms: what people write takes a hundred
STEPS_OF_A_START = 20  # what looking for a time at one word costs, in such steps
MAX_LENGTH = 4_000  # characters; no longer text is read for a sentence
MAX_WORDS_WITH_SLIPS = 60  # a longer text is free text for the most part; slips are not looked for
MAX_WORDS_OF_ORDERS = 60  # a longer text is not cut into several orders


_EVERY = re.compile(r"\b(?:every|each)\b|\d", re.IGNORECASE)

Rank = tuple[int, int, int, int]
"""How good a reading is: times that went where one belongs, words that are not fixed, slips and
synonyms, times said."""

NO_NAME = "“{}” is not sure to be a name"
QUESTION = "it is a question, which begins with free text"
TWO_TIMES = "“{}” holds a time beside another, or nothing but a time"
UNREAD_TIME = "“{}” may say when, in a way that is not understood"
NOT_SHOWN = "“{}” points at something of another module, or at nothing"
SECOND_ORDER = "it seems to hold a second order"


class TooManySteps(Exception):
    """A text has so many readings that looking at them all would hold up everyone."""


class Steps:
    """How many steps may still be taken to understand a message, in all attempts at it."""

    def __init__(self, left: int = MAX_STEPS) -> None:
        self.left = left

    def take(self, steps: int = 1) -> None:
        """Count steps. Raises TooManySteps where none are left."""
        self.left -= steps
        if self.left < 0:
            raise TooManySteps


class Attempt:
    """One text against the tree of sentences."""

    def __init__(
        self,
        index: Index,
        text: str,
        references: References,
        steps: Steps,
        *,
        is_unsure: bool = False,
    ) -> None:
        """Look at a text; where `is_unsure`, what is found is but offered."""
        self.index, self.text, self.steps, self.is_unsure = index, text, steps, is_unsure
        self.pointer = ReferenceResolver(references, index.specs)
        self.words = split(text)
        self.texts = tuple(word.text for word in self.words)
        self.end = order_end(self.words)
        self._lengths: dict[int, int | None] = {}  # of time: first word -> the word behind the last

    def orders(self) -> list[Match]:
        """Return the best reading, if it is the only one: one order, or one for each thing meant.

        "Complete the first and the third" is two, "remind me ... every day at 8am and 8pm" as well.
        Raises TooManySteps.
        """
        match = self._best()
        if match is None:
            return []
        several = {field.name for field in match.spec.fields if field.many}
        pointed = {key: value for key, value in match.fields.items() if isinstance(value, tuple)}
        at_once = {key: [*value] for key, value in pointed.items() if key in several}
        match = replace(match, fields=match.fields | at_once)
        named = {key: value for key, value in pointed.items() if key not in several}
        matches = [
            replace(match, fields={**match.fields, **dict(zip(named, names, strict=True))})
            for names in zip(*named.values(), strict=True)
        ] or [match]
        return [one for match in matches for one in _at_each_time(match)]

    def _best(self) -> Match | None:
        ranked: dict[Rank, list[tuple[Match, Path]]] = {}
        for path, match in self.readings(self.index.root):
            if isinstance(match, Match):
                ranked.setdefault(rank(match, path), []).append((match, path))
        if not ranked:
            return None
        (match, path), *others = ranked[max(ranked)]
        if any(other != match for other, _ in others) or self.has_second_order(path):
            return None
        return match

    def readings(self, root: Node) -> Iterator[tuple[Path, Match | str]]:
        """Yield each way to go along with sentences to the end of the order.

        With it stands the command, or why it is none. Raises TooManySteps.
        """
        for start in order_starts(self.words[: self.end]):
            for spec, path in self._follow(root, start, Path(start)):
                yield path, self._read(spec, path)

    def _follow(self, node: Node, at: int, path: Path) -> Iterator[tuple[CommandSpec, Path]]:
        """Yield the commands whose sentence reaches from a word to the end of the order."""
        self.steps.take()
        if at == self.end:
            yield from ((spec, path) for spec in node.complete)
            return
        for child, end, how in self._fixed(node, at):
            if path.slips + (how == SLIP) <= MAX_SLIPS:
                yield from self._follow(child, end, path.with_word(child, how))
        word = self.words[at]
        if word.is_glued or (at == path.start and self._starts_no_name(word.text)):
            return
        for slot, child in node.slots.items():
            for end in self._slot_ends(slot, child, at):
                yield from self._follow(child, end, path.with_slot(Slot(slot, at, end)))

    def _starts_no_name(self, word: str) -> bool:
        is_none = word in NO_NAME_STARTS or (self.is_unsure and word in NO_CHORES)
        return is_none and (self.pointer.is_empty or word not in IT)

    def _fixed(self, node: Node, at: int) -> Iterator[tuple[Node, int, str]]:
        """Yield what follows a fixed word of the node, where that is, and how it was said."""
        word = self.words[at].text
        if at and (colon := node.literals.get(COLON)) and self._is_behind_colon(at):
            yield colon, at, ""
        if child := node.literals.get(word):
            yield child, at + 1, ""
        for phrase, children in node.synonyms.get(word, {}).items():
            if self.texts[at : min(at + len(phrase), self.end)] == phrase:
                yield from ((child, at + len(phrase), SYNONYM) for child in children)
        if word in node.literals or len(self.words) > MAX_WORDS_WITH_SLIPS:
            return
        for meant in slips(word, self.index.vocabulary):
            if child := node.literals.get(meant):
                yield child, at + 1, SLIP

    def _is_behind_colon(self, at: int) -> bool:
        return COLON in self.text[self.words[at - 1].end - 1 : self.words[at].start]

    def _slot_ends(self, slot: FieldSpec, child: Node, at: int) -> Iterator[int]:
        """Yield where a slot that starts at a word may end."""
        if slot.is_time:
            if end := (
                self._dates.get(at)
                or self._length_end(at)
                or self._date_end(at)
                or self._hour_end(at)
            ):
                yield end
        elif slot.kind == "text":
            for end in range(at + 1, self.end + 1):
                if end == self.end or self._may_go_on(child, end):
                    yield end
        elif slot.kind == "duration":
            if (behind := self._length(at)) and behind > at:
                yield behind
        else:
            most = slot.most_words or MAX_VALUE_WORDS
            for end in range(at + 1, min(at + 1 + most, self.end + 1)):
                if _value(slot, self._said(slot, at, end)) is not None:
                    yield end

    def _may_go_on(self, node: Node, at: int) -> bool:
        """Say whether something can follow at a word, so that free text may end before it."""
        self.steps.take()
        is_pointer = not self.pointer.is_empty and self.words[at - 1].text in IT  # "it's done"
        if self.words[at].is_glued and not is_pointer:
            return False
        if any(True for _ in self._fixed(node, at)):
            return True
        return any(self._may_begin(slot, at) for slot in node.slots)

    def _may_begin(self, slot: FieldSpec, at: int) -> bool:
        """Say whether a slot may begin behind free text."""
        if slot.kind == "duration":
            return self._length(at) is not None
        if not slot.is_time:
            return True
        is_time = at in self._dates or self._length_end(at)
        return bool(is_time) and self.words[at - 1].text not in DANGLING

    @cached_property
    def _dates(self) -> dict[int, int]:
        """The phrases for times: first word -> the word behind the last one."""
        number = {word.start: i for i, word in enumerate(self.words)}
        return {
            number[start]: self._word_behind(end)
            for start, end in phrases.find(self.text, lambda: self.steps.take(STEPS_OF_A_START))
            if start in number
        }

    def _length_end(self, at: int) -> int | None:
        """Return where a length of time ends: "snooze it for 10 minutes", "a 10 minute timer"."""
        end = self._length(at)
        if end is None:
            return None
        is_behind = bool(at) and self.texts[at - 1] in LENGTH_BEFORE
        is_behind = is_behind or not LENGTH_OF.isdisjoint(self.texts[:at])  # "timer for tea 5 min"
        is_before = not LENGTH_OF.isdisjoint(self.texts[end : end + MAX_BEFORE_TIMER])
        return end if is_behind or is_before else None

    def _length(self, at: int) -> int | None:
        """Return the word behind a length of time that starts at a word."""
        if at not in self._lengths:
            found = read_duration(in_ascii(self.text), self.words[at].start)
            self._lengths[at] = found and self._word_behind(found[1])
        return self._lengths[at]

    def _hour_end(self, at: int) -> int | None:
        """Return where a bare hour ends: "snooze it until 7", "an alarm for eight tomorrow"."""
        before = self.texts[max(at - MAX_BEFORE_HOUR, 0) : at]
        is_alarm = not ALARMS.isdisjoint(before)
        if not before or not (before[-1] in UNTIL or (is_alarm and before[-1] in TO | AND)):
            return None
        if before[-1] in UNTIL and at + 1 < self.end:
            return None
        self.steps.take(STEPS_OF_A_START)
        start = self.words[at].start
        found = phrases.read(f"at {self.text[start:]}")
        is_hour = found and "time" in found[0].slots
        return self._word_behind(start + found[1] - len("at ")) if found and is_hour else None

    def _date_end(self, at: int) -> int | None:
        """Return where a time ends that starts within a longer one: "in 25 min yesterday"."""
        if not any(start < at < end for start, end in self._dates.items()):
            return None
        self.steps.take(STEPS_OF_A_START)
        found = phrases.read(self.text, self.words[at].start)
        return found and self._word_behind(found[1])

    def _word_behind(self, place: int) -> int:
        """Return the first word that starts at a place in the text or behind it."""
        return next((i for i, word in enumerate(self.words) if word.start >= place), self.end)

    def _said(self, field: FieldSpec, start: int, end: int) -> str:
        """Return the words of a field: of a choice as they are compared, such as "tmrw"."""
        return " ".join(self.texts[start:end]) if field.choices else self._slice(start, end)

    def _slice(self, start: int, end: int) -> str:
        return trim(self.text[self.words[start].start : self.words[end - 1].end])

    def _read(self, spec: CommandSpec, path: Path) -> Match | str:
        """Take the fields out of the text, or return why they don't make a command."""
        fields: dict[str, Any] = {}
        pointed: Reference | None = None
        about = None if spec.action in MAKERS else named_by(spec)
        for slot in path.slots:
            words = [word.text for word in self.words[slot.start : slot.end]]
            value = _value(slot.field, self._said(slot.field, slot.start, slot.end))
            if slot.field == about and (found := self.pointer.read(words)):
                pointed, value = found, found.names
            elif value is None or (
                slot.field.kind == "text"
                and not self._is_name(slot, path, is_made=spec.action in MAKERS)
            ):
                return NO_NAME.format(self._slice(slot.start, slot.end))
            if slot.field.is_time and slot.field.name in fields:
                value = self._both_times(str(fields[slot.field.name]), str(value), slot)
                if not value:
                    return TWO_TIMES.format(self._slice(slot.start, slot.end))
            fields[slot.field.name] = value
        begins = bool(path.slots) and path.slots[0].start == path.start
        if self.text.rstrip().endswith("?") and begins and path.slots[0].field.required:
            return QUESTION  # "is" first would be one too: "buy milk is done?"
        times = [one.name for one in spec.fields if one.is_time]
        if len(times) == 1:
            for slot in path.slots:
                value = fields[slot.field.name]
                is_name = slot.field.kind == "text" and not isinstance(value, tuple)
                if is_name and not self._take_time(slot, times[0], fields):
                    return TWO_TIMES.format(self._slice(slot.start, slot.end))
                if is_name and times[0] in fields and _holds_time(fields[slot.field.name]):
                    return TWO_TIMES.format(self._slice(slot.start, slot.end))
        asks_when = any(f.required for f in spec.fields if f.name in times and f.name not in fields)
        if asks_when and (telling := [slot for slot in path.slots if self._may_tell_time(slot)]):
            return UNREAD_TIME.format(self._slice(telling[0].start, telling[0].end))
        for slot in path.slots:
            is_timed = any(name in fields for name in times)
            if slot.field.each and not (is_timed or pointed):
                is_made = spec.action in MAKERS
                row = self._row(slot, fields, is_made=is_made)
                fields[slot.field.name] = row or fields[slot.field.name]
        match = Match(spec, self._with_choices(spec, fields))
        if pointed is None:
            return match
        return self._about(match, pointed, is_bare=path.literals == 1) or NOT_SHOWN.format(
            trim(self.text)
        )

    def _with_choices(self, spec: CommandSpec, fields: dict[str, Any]) -> dict[str, Any]:
        """Return fields with choices that are said in other words, which are no part of a name."""
        found = dict(fields)
        for field in spec.parsed_fields:
            if field.name in fields or not (choice := field.chosen_in(self.text)):
                continue
            found[field.name] = choice
            found |= {
                name: trim(field.without_choice(value)) or value
                for name, value in fields.items()
                if isinstance(value, str)
            }
        return found

    def _both_times(self, first: str, second: str, slot: Slot) -> str | tuple[str, ...]:
        """Return two times of a sentence: as one, as one each, or "" where they are neither.

        "Daily reminder at 9" has one, "alarms for 8 and 9" two.
        """
        both = f"{first} {second}"
        if phrases.read_all(both) is not None:
            return both
        between = self.texts[max(slot.start - MAX_BETWEEN_TIMES, 0) : slot.start]
        return "" if AND.isdisjoint(between) else (first, second)

    def _is_name(self, slot: Slot, path: Path, *, is_made: bool) -> bool:
        """Say whether free text can be a name; behind a lone verb it must be sure to be one."""
        words = [word.text for word in self.words[slot.start : slot.end]]
        before = self.words[slot.start - 1].text if slot.start else ""
        follows_time = any(one.end == slot.start and one.field.is_time for one in path.slots)
        length = read_duration(in_ascii(self.text), self.words[slot.start].start)
        if length and self._word_behind(length[1]) >= slot.end:
            return False  # "a timer for 1 hour 15 minutes"
        if path.literals == 0:
            is_chore = words[0] in CHORES and NO_CHORES.isdisjoint(words) and len(words) > 1
            if is_chore and follows_time and may_be_name(words[1:], words[0]):
                return True
            return self.is_unsure and self._is_plan(words, path)
        is_more_time = words[0] in NO_NAMES_BEHIND_TIMES or words[0].isdecimal()
        if follows_time and is_more_time and len(words) > words[0].isdecimal():
            return False  # "remind me tomorrow or friday", "reminder tomorrow 10 call mum"
        behind = self.texts[slot.end] if slot.end < self.end else ""
        if behind == "list" and THINGS.issuperset(words):
            return True  # "my tasks list"
        if behind in ("list", "task") and words[0] in ANY:
            return False
        if behind == "list" and words[-1] in DANGLING:
            return False  # "remove books from list"
        if len(words) > 1 and words[0] in ("this", "these", "those") and not is_made:
            return False  # "rename this file to report.pdf"
        if "but" in words[1:] and not is_made:
            return False  # "I completed the form but nobody answered"
        value = self._slice(slot.start, slot.end)
        if not is_made and (_CLAUSE.search(value) or not ANY_PLACE.isdisjoint(words)):
            return False  # "... until 7am, you woke me", "move the nails from wherever they are"
        if _QUOTED_FIRST.match(value):
            return False  # "a list 'barbecue' and put buns on it"
        if before in ("buy", "get") and len(words) > MAX_NAME_WORDS:
            return False
        is_first = slot == path.slots[0]
        if behind == "list" and is_first and not DETERMINERS.isdisjoint(words[1:]):
            return False  # "the cards belong on the wedding list"
        if self.is_unsure and not is_made and self._is_day(slot):
            return False  # "what is on today" names no list
        if before in ("up", "of") and self.is_unsure and not PLACES.isdisjoint(words):
            return False  # "pick up tom from school" is something to do, and no thing to buy
        if self.is_unsure and slot.start == path.start and not self._is_thing(words):
            return False
        is_vague = self.texts[path.start] in VAGUE and path.start != slot.start
        if self.is_unsure and is_vague and "list" not in self.texts:
            return False  # "open the window", "find nemo"
        is_behind_verb = slot == path.slots[0] and slot.start > path.start
        if path.literals > 1 or path.verb is None or not is_behind_verb:
            return may_be_name(words, before)
        if language_of(value) != "en":
            return False  # "todo el mundo"
        if ": " in value:
            return False  # "complete the sentence: to be or not to be"
        if path.synonyms and not PLACES.isdisjoint(words):
            return False
        if read_duration(in_ascii(value), 0):
            return False  # "snooze 10 min"
        if path.synonyms and words[0] == "the" and not self.is_unsure:
            return False  # "erase the whiteboard"
        return may_be_name(words, before) and is_sure_name(
            words, path.verb, slot.field, self.index.vocabulary
        )

    def _is_day(self, slot: Slot) -> bool:
        """Say whether free text is a time, or the end of one: "friday" of "on friday"."""
        dates = self._dates.items()
        return any(start <= slot.start and end == slot.end for start, end in dates)

    def _is_thing(self, words: Sequence[str]) -> bool:
        """Say whether words that a text begins with name a thing, and are not of a sentence."""
        is_said = words[0] in self.index.verbs or not WHOLES.isdisjoint(words)
        return not is_said and NO_CHORES.isdisjoint(words)

    def _is_plan(self, words: Sequence[str], path: Path) -> bool:
        """Say whether free text beside nothing but a time may be a plan: "dentist at 4pm".

        It is one in a few words that make no sentence, with a time of day.
        """
        times = [slot for slot in path.slots if slot.field.is_time]
        said = self._slice(times[0].start, times[0].end) if times else ""
        told = phrases.read_all(said)
        is_series = bool(told and told.every and _EVERY.search(said))  # "mondays suck" is none
        return bool(
            told
            and (is_series or not told.slots.isdisjoint({"time", "part"}))
            and len(words) <= (MAX_CHORE_WORDS if words[0] in PLANS else MAX_ITEM_WORDS)
            and (NO_PLANS - WHOSE if words[0] in PLANS else NO_PLANS).isdisjoint(words)
            and words[0] not in NO_NAME_STARTS
            and (words[0] in PLANS or words[0] not in self.index.root.literals)
            and words[-1] not in DANGLING
            and (not path.start or self.texts[path.start - 1] != "you")
            and may_be_name(words, "")
        )

    def _about(self, match: Match, pointed: Reference, *, is_bare: bool) -> Match | None:
        """Return the command for what was pointed at: in its own module, that of the same name.

        A sentence that says more than its verb, such as "delete the task", stays in its module.
        """
        if match.spec.interaction_type != pointed.kind and not is_bare:
            return None
        spec = self.index.specs.get((pointed.kind, match.spec.action))
        about = named_by(spec) if spec else None
        if spec is None or about is None or not isinstance(match.fields.get(about.name), tuple):
            return None
        known = {one.name for one in spec.parsed_fields}
        return Match(spec, match.fields) if match.fields.keys() <= known else None

    def _take_time(self, slot: Slot, time: str, fields: dict[str, Any]) -> bool:
        """Move a time at either end of free text to where it belongs.

        False where the command has a time already and the two don't make one.
        """
        if self._take_end(slot, time, fields):
            return True
        for start, end in self._dates.items():
            at_start, at_end = start == slot.start, end == slot.end
            if not (slot.start <= start and end <= slot.end) or at_start == at_end:
                continue  # elsewhere, in the middle, or all there is
            if at_end and self.words[start - 1].text in DANGLING:
                continue
            if end in self._dates if at_start else start in self._dates.values():
                return False  # two times beside each other that don't make one
            rest = self._slice(end, slot.end) if at_start else self._slice(slot.start, start)
            both = f"{fields.get(time, '')} {self._slice(start, end)}".strip()
            is_rest = rest and may_be_name([word.text for word in split(rest)], "")
            if not is_rest or phrases.read_all(both) is None:
                return False
            fields |= {time: both, slot.field.name: _value(slot.field, rest)}
            return True
        return True

    def _take_end(self, slot: Slot, time: str, fields: dict[str, Any]) -> bool:
        """Move the end of a series from free text to its beginning: "... until i say done"."""
        at = next((at for at in range(slot.start + 1, slot.end) if self.texts[at] in UNTIL), None)
        if at is None or time not in fields:
            return False
        both = f"{fields[time]} {self._slice(at, slot.end)}"
        found = phrases.read_all(both)
        if found is None or found.every is None:
            return False
        fields |= {time: both, slot.field.name: _value(slot.field, self._slice(slot.start, at))}
        return True

    def _row(self, slot: Slot, fields: dict[str, Any], *, is_made: bool) -> tuple[str, ...]:
        """Return the names that stand in a row: "milk, eggs and bread".

        In quotation marks, without a comma ("mac and cheese"), and for what is made and goes to no
        place, it may be one.
        """
        value = str(fields[slot.field.name])
        places = [name for name in fields if name != slot.field.name]
        quoted = self.text[self.words[slot.start].start] in QUOTES
        quotes = sum(value.count(mark) for mark in {*QUOTES, *QUOTES.values()})
        if quoted and quotes > 2 and len(items(value)) > 1:  # "add “a” and “b” to my list"
            return tuple(items(value))
        is_placed = self.is_unsure or places or not PLACES_OF_ALL.isdisjoint(self.texts[slot.end :])
        if quoted or not ({*value} & {",", ";"}) or not (is_placed or not is_made):
            return ()
        row = items(value)
        words = [[word.text for word in split(one)] for one in row]
        is_row = len(row) > 1 and all(
            len(one) <= MAX_ITEM_WORDS and NO_CHORES.isdisjoint(one) and may_be_name(one, "")
            for one in words
        )  # not "eggs, i have some"
        return tuple(row) if is_row else ()

    def _may_tell_time(self, slot: Slot) -> bool:
        """Say whether free text may say when, in a way that is not understood here."""
        said = {word.text for word in self.words[slot.start : slot.end]}
        within = range(slot.start, slot.end)
        return not said.isdisjoint(TIMES) or any(start in within for start in self._dates)

    def has_second_order(self, path: Path) -> bool:
        """Say whether the free text seems to hold another order: "add milk and remind me ..."."""
        first = self.words[path.start].text
        for slot in path.slots:
            if slot.field.kind != "text":
                continue
            for at in range(slot.start + 1, slot.end):
                if self._is_joint(at) and self._is_order(at, first):
                    return True
        return False

    def cuts(self) -> list[tuple[int, int]]:
        """Return where the text may be cut in two orders: the first's end, and the rest's start.

        Raises TooManySteps.
        """
        return [*self._cuts()] if len(self.words) <= MAX_WORDS_OF_ORDERS else []

    def _cuts(self) -> Iterator[tuple[int, int]]:
        for at in range(1, self.end):
            if self._is_joint(at) and self._is_order(at, self.words[0].text):
                last = at - 1
                while last and self.words[last].text in JOINTS:
                    last -= 1
                yield self.words[last].end, self.words[at].start

    def _is_joint(self, at: int) -> bool:
        before, word = self.words[at - 1], self.words[at]
        gap = self.text[before.end : word.start]
        return (
            before.text in JOINTS
            or "\n" in gap
            or (not word.is_glued and self.text[before.end - 1] in ",;.!?&")
        )

    def _is_order(self, at: int, first: str) -> bool:
        """Say whether an order seems to begin at a word behind a joint."""
        word = self.words[at].text
        if self.words[at - 1].text == "then" or word in self.index.verbs or word == first:
            return True
        node, length = self.index.root, 0
        while at + length < self.end and (child := node.literals.get(self.words[at + length].text)):
            node, length = child, length + 1
        if length >= 2 and (node.slots or node.complete):
            return True
        return any(
            not self.is_unsure or all(slot.start > at for slot in path.slots)
            for _, path in self._follow(self.index.root, at, Path(at))
        )  # what is not certain may begin with any free text: "milk, eggs on the list"


def _holds_time(name: object) -> bool:
    """Say whether a name has a time in it that may be of another order: "at 8am and again"."""
    text = str(name)
    for start, _ in phrases.find(text):
        if _WHEN.match(text, start):
            return True
        found = phrases.read(text, start)
        if found and "time" in found[0].slots:
            return True
    return False


def rank(match: Match, path: Path) -> Rank:
    """Return how good a reading is; the greatest is the best."""
    whens = [one.name for one in match.spec.fields if one.is_time or one.kind == "duration"]
    times = sum(name in match.fields for name in whens)
    said = sum(slot.field.is_time for slot in path.slots)
    free = path.start + sum(slot.end - slot.start for slot in path.slots)
    return times, -free, -path.slips - path.synonyms, said


def _at_each_time(match: Match) -> list[Match]:
    """Return a command for each time of day that it names: "every day at 8am and 8pm"."""
    when = next((one.name for one in match.spec.fields if one.repeats), None)
    if when is None or when not in match.fields or match.spec.action not in MAKERS:
        return [match]  # one thing can't be moved to two times
    times = phrases.each_time(str(match.fields[when]))
    return [replace(match, fields={**match.fields, when: time}) for time in times]


def _value(slot: FieldSpec, said: str) -> Any:  # noqa: ANN401 - a field may be of any JSON type
    """Return what was said as the slot's type, or None where it is none of that type."""
    try:
        return typed(slot, said)
    except ValueError:
        return None
