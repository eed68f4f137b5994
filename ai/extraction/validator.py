"""Validate a model's answer to one message: commands, a question, or what is wrong with it."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ai.commands import CommandSpec, typed
from ai.config import type_of
from ai.extraction import json_reply
from ai.extraction.examples import NONE, Nearest, name_of
from ai.extraction.grounding import Sources, words_of
from ai.extraction.sentence_words import answers_questions, is_question, without_frame
from ai.extraction.times_in_english import in_english, said_in, without_time
from ai.languages import language_of
from ai.llm.types import Answer
from ai.sentences.matcher import MAX_ORDERS

Command = dict[str, Any]
Key = tuple[str, str]

WORKED_OUT = re.compile(
    r"\b\d{4}(?:-\d\d-\d\d)?\b"
)  # a year or a date that the person did not write
MAX_COMMANDS_NAMED = 30
KEY = ("interaction_type", "action")
UNTELLING = ("choice", "when", "date", "duration")
"""Kinds of values that are said in talk of anything: "will it snow this week?"."""
SURE = 0.6  # the likeness from which an example says more of what is meant than a small model
MADE_UP = "The message names no {} “{}”. What does it order, if anything?"
LIKELY = " It is most like what is said for {}."


def find_spec(data: Mapping[str, Any], specs: tuple[CommandSpec, ...]) -> CommandSpec | None:
    """Return the command that an answer means; "task.add" and a missing type are understood."""
    by_key = _by_name(specs)
    kind, action = _name(data.get("interaction_type")), _name(data.get("action"))
    if not (kind and action):
        action = action or _name(data.get("command"))
    for separator in (".", "/", ":"):
        if separator in action:
            kind, _, action = action.rpartition(separator)
        elif separator in kind and not action:
            kind, _, action = kind.rpartition(separator)
    if (kind, action) in by_key:
        return by_key[kind, action]
    same_action = [spec for key, spec in by_key.items() if key[1] == action]
    return same_action[0] if len(same_action) == 1 and kind in ("", "command") else None


@lru_cache(maxsize=64)
def _by_name(specs: tuple[CommandSpec, ...]) -> dict[Key, CommandSpec]:
    return {(_name(spec.interaction_type), _name(spec.action)): spec for spec in specs}


def _name(value: Any) -> str:  # noqa: ANN401 - any JSON
    return re.sub(r"[\s-]+", "_", value.strip().casefold()) if isinstance(value, str) else ""


def unknown(
    data: Mapping[str, Any], specs: Iterable[CommandSpec], raw_types: Iterable[str] = ()
) -> str:
    """Say which command of an answer does not exist, and which ones do."""
    known = [*[" / ".join(spec.key) for spec in specs][:MAX_COMMANDS_NAMED], *raw_types]
    asked = f"interaction_type {data.get('interaction_type')!r} with action {data.get('action')!r}"
    return f"There is no {asked}. The commands are: {', '.join(known)}."


class Checked(NamedTuple):
    """A command with its fields in their types, what is wrong with it, and what was made up."""

    command: Command
    problems: Sequence[str] = ()
    made_up: Mapping[str, Any] = {}  # the fields that were dropped, since nobody said them

    @property
    def is_all_made_up(self) -> bool:
        """Whether no value of it was said, though it has some."""
        return bool(self.made_up) and self.command.keys() == {*KEY}


def check(
    data: Mapping[str, Any],
    spec: CommandSpec,
    said: str,
    known: Iterable[str] = (),
    just_said: str = "",
) -> Checked:
    """Return the command of an answer, and what is wrong with it.

    Unknown fields are dropped, and so is what the person did not say. A required field that is
    missing is no error: the conversation asks for it. `said` is the person's message with the ones
    before it, `known` the names that they saw or spoke of last. The one time that is named in
    `just_said`, the message alone, takes the place of a model's that was not said; in another
    language than English, of any.
    """
    times = [one.name for one in spec.fields if one.is_time]
    own = said_in(just_said) if len(times) == 1 else None
    is_english = language_of(just_said) == "en"
    sources = Sources(said, known)
    command: Command = {"interaction_type": spec.interaction_type, "action": spec.action}
    problems = []
    made_up = {}
    for field in spec.parsed_fields:
        value = data.get(field.name)
        if value is None or (isinstance(value, str) and sources.is_nothing(value)):
            continue
        if own and field.is_time and not is_english:
            command[field.name] = own
            continue
        try:
            command[field.name] = typed(field, value)
        except ValueError as error:
            problems.append(str(error))
            continue
        is_said = sources.support(field, command[field.name])
        is_worked_out = field.is_time and any(
            date not in said for date in WORKED_OUT.findall(command[field.name])
        )
        if own and field.is_time and (is_worked_out or not is_said):
            command[field.name] = own
        elif is_worked_out:
            problems.append(
                f"{field.name} must be the person's own words for the time, not a date."
            )
        elif not is_said:
            made_up[field.name] = command.pop(field.name)
        elif field.is_time:
            command[field.name] = in_english(command[field.name])
        elif field.kind == "text" and isinstance(command[field.name], str):
            name = without_frame(spec, field, sources.as_said(command[field.name]))
            command[field.name] = without_time(name, own) if own and is_english else name
            if own and command[field.name] != name:
                command[times[0]] = own
    return Checked(command, problems, made_up)


def checked(
    orders: Sequence[Mapping[str, Any]], specs: Sequence[CommandSpec]
) -> list[Command] | None:
    """Return orders that were kept, or None where one of them is none of these commands."""
    known = {spec.key: spec for spec in specs}
    found = []
    for order in orders:
        spec = known.get((str(order.get("interaction_type")), str(order.get("action"))))
        if spec is None:
            return None
        command: Command = {"interaction_type": spec.interaction_type, "action": spec.action}
        for field in spec.parsed_fields:
            try:
                if order.get(field.name) is not None:
                    command[field.name] = typed(field, order[field.name])
            except ValueError:
                return None
        found.append(command)
    return found


Validator = Callable[[Command], list[str]]

MAX_QUESTION = 500  # characters of a question that the model asks the person

_validators: dict[str, Validator] = {}


def register_validator(interaction_type: str, validator: Validator) -> None:
    """Hold every result of a type, and of the prompt of that name, against a function.

    It takes the parsed command and returns what is wrong with it, one string a problem. A
    second one for the same type takes the place of the first.
    """
    _validators[interaction_type] = validator


def validated_types() -> set[str]:
    """Return the interaction types that have a validator."""
    return {*_validators}


def rejections(command: Command, prompt_name: str) -> list[str]:
    """Return what the validators of a command's type and of its prompt find wrong."""
    names = dict.fromkeys((command["interaction_type"], prompt_name, f"{prompt_name}_parser"))
    checks = [_validators[name] for name in names if name in _validators]
    return [problem for check in checks for problem in _listed(check(command))]


def _listed(found: Any) -> list[str]:  # noqa: ANN401 - what somebody's validator returns
    """Return what a validator found as a list: some return None for nothing, or a lone string."""
    return [found] if isinstance(found, str) and found else [str(one) for one in found or ()]


def given_to(
    other: CommandSpec, command: Mapping[str, Any], specs: tuple[CommandSpec, ...]
) -> Command | None:
    """Return another command with all values of one, or None where they don't fit, or it is one."""
    spec = find_spec(command, specs)
    if spec is None or spec is other:
        return None
    values = _values(command)
    kinds = {field.name: field.kind for field in spec.parsed_fields}
    fields = {field.name: field for field in other.parsed_fields}
    fits = all(name in fields and fields[name].kind == kinds[name] for name in values)
    needed = {name for name, field in fields.items() if field.required}
    if not values or not fits or not needed <= values.keys():
        return None
    return {"interaction_type": other.interaction_type, "action": other.action, **values}


def _values(command: Mapping[str, Any]) -> Command:
    return {key: value for key, value in command.items() if key not in KEY}


class ResponseValidator:
    """Judges a model's answers to one message."""

    def __init__(
        self,
        specs: tuple[CommandSpec, ...],
        raw_types: Collection[str],
        interaction_type: str,
        said: str,
        known: Sequence[str] = (),
        just_said: str | None = None,
        nearest: Nearest | None = None,
    ) -> None:
        """Know the commands, what the person said, and the names that they know.

        `just_said` is the message itself, of which a command that is not offered has to be; None
        makes no difference between it and those before. `nearest` is what it is most like.
        """
        self._likely, self._likeness = (nearest.likely, nearest.likeness) if nearest else ("", 0.0)
        self._text = just_said or ""
        just = said if just_said is None else just_said
        self._just_said = Sources(just, may_point=bool(known) or just_said is None)
        self.is_certain = True  # of the last answer: the person spoke of all that is in it
        self._may_ask_again = True  # what is wrong with an answer of which nothing was said
        self.specs, self.raw_types = specs, raw_types
        self.interaction_type, self.said, self.known = interaction_type, said, known
        self.unknown = ""  # what the person is told where the last answer was of an unknown type
        self.rejections: list[str] = []  # what the validators said last

    def judge(self, answer: Answer) -> tuple[list[Command], list[str]]:
        """Return the commands or the question of an answer, or what is wrong with it."""
        self.rejections, self.unknown, self.is_certain = [], "", True
        try:
            found = json_reply.extract(answer.text, answer.reasoning, is_cut_off=answer.is_cut_off)
        except json_reply.NoCommand as error:
            return [], [str(error)]
        if len(found) > MAX_ORDERS:
            return [], [f"Give at most {MAX_ORDERS} commands, or ask for clarification."]
        answers = [self._command(data) for data in found]
        answers = [one for one in answers if not self._lacks(one)] or answers
        answers = self._without_echoes(answers)
        if answers[0].is_all_made_up and (meant := self._meant(answers[0].made_up)):
            answers = [meant]
        elif len(answers) == 1 and (meant := self._likelier(answers[0])):
            answers = [meant]
            self.is_certain = False
        elif answers[0].is_all_made_up and self._may_ask_again:
            self._may_ask_again = False
            likely = LIKELY.format(self._likely) if self._likely else ""
            return [], [MADE_UP.format(*next(iter(answers[0].made_up.items()))) + likely]
        commands: list[Command] = []
        problems: list[str] = []
        for number, (command, problems_of_it, made_up) in enumerate(answers, 1):
            wrong = [*problems_of_it]
            if spec := find_spec(command, self.specs):
                self.is_certain &= not made_up and self._is_ordered(spec, command)
            if not wrong and "interaction_type" not in command:
                return [command], []  # a question or a refusal is about the whole message
            if not wrong:
                wrong = rejections(command, self.interaction_type)
                self.rejections += wrong
            commands.append(command)
            several = len(answers) > 1
            problems += [f"Command {number}: {one}" for one in wrong] if several else wrong
        return ([], problems) if problems else (commands, [])

    def _meant(self, made_up: Mapping[str, Any]) -> Checked | None:
        """Return the likely command where it takes a value that has no place in another.

        "What's on today" is no list of the name "today".
        """
        spec = find_spec({"command": self._likely}, self.specs)
        given = {
            field.name: value
            for field in (spec.parsed_fields if spec else ())
            for value in made_up.values()
            if field.kind in UNTELLING
        }
        if not spec or not given:
            return None
        found = check(given, spec, self._text)
        needed = {*KEY, *(field.name for field in spec.parsed_fields if field.required)}
        is_whole = found.command.keys() >= needed and found.command.keys() > {*KEY}
        return found if is_whole and not found.problems else None

    def _likelier(self, answer: Checked) -> Checked | None:
        """Return the command of the nearest example with the values of another that has its fields.

        Small models give "add", "change the time" and "move" for each other.
        """
        likely = find_spec({"command": self._likely}, self.specs)
        if not likely or self._likeness < SURE:
            return None
        command = given_to(likely, answer.command, self.specs)
        return Checked(command, answer.problems) if command else None

    def _lacks(self, one: Checked) -> bool:
        """Say whether something that a command needs was made up, or all of it."""
        spec = find_spec(one.command, self.specs)
        needed = {field.name for field in spec.parsed_fields if field.required} if spec else set()
        return one.is_all_made_up or not needed.isdisjoint(one.made_up)

    def _without_echoes(self, answers: Sequence[Checked]) -> list[Checked]:
        """Leave out what repeats the words of an order before it, and has none of its own."""
        kept: list[Checked] = []
        heard: set[str] = set()
        values: list[Command] = []
        for one in answers:
            spec = find_spec(one.command, self.specs)
            said = _values(one.command)
            words = words_of(said)
            is_echo = words and words <= heard and spec and not self._just_said.ask_for(spec)
            if one.problems or not (is_echo or said in values):
                kept.append(one)
            heard |= words
            values += [said] if said else []
        return kept

    def _command(self, data: Command) -> Checked:
        question = data.get("needs_clarification")
        asks = isinstance(question, str) and bool(question.strip())
        spec = find_spec(data, self.specs)
        if spec:
            found = check(data, spec, self.said, self.known, self._text)
            is_complete = all(f.name in found.command for f in spec.parsed_fields if f.required)
            if not asks or not is_complete:  # the conversation asks for what is missing
                return found
        if asks:
            return Checked({"needs_clarification": str(question).strip()[:MAX_QUESTION]})
        kind = data.get("interaction_type")
        if not self.specs and kind is None:
            kind = self.interaction_type
        if isinstance(kind, str) and kind not in self.raw_types:
            kind = type_of(kind)
        if isinstance(kind, str) and kind in self.raw_types:
            named = {**data, "interaction_type": kind}
            return Checked({key: value for key, value in named.items() if value is not None})
        reply = data.get("reply")
        if _name(data.get("command")) == NONE and isinstance(reply, str) and reply.strip():
            kind = "needs_clarification" if reply.rstrip().endswith("?") else "error"
            return Checked({kind: reply.strip()[:MAX_QUESTION]})
        if isinstance(data.get("error"), str):
            return Checked({"error": data["error"][:MAX_QUESTION]})
        known = dict.fromkeys([*(spec.interaction_type for spec in self.specs), *self.raw_types])
        if isinstance(kind, str) and kind and kind not in known:
            self.unknown = f"I can't do that. I know about {', '.join(known)}."
        return Checked({}, [unknown(data, self.specs, self.raw_types)])

    def _is_ordered(self, spec: CommandSpec, command: Command) -> bool:
        """Say whether the message orders a command, as far as its words tell."""
        said = self._just_said
        given = [one for one in spec.parsed_fields if one.name in command]
        values = {one.name: command[one.name] for one in given}
        if not said.name(spec, values):
            return False
        if not self._text:
            return True
        agrees = name_of(spec) == self._likely
        if not agrees and self._likeness >= SURE:
            return False
        if any(one.kind == "text" for one in given) and said.are_only(values):
            return False
        is_named = not given or any(one.kind not in UNTELLING for one in given)
        if language_of(self._text) != "en":  # no sentences are written in it
            return agrees or is_named
        is_asked_for = agrees or is_named or said.points or said.ask_for(spec)
        is_answer = agrees or not is_question(self._text) or answers_questions(spec)
        return is_asked_for and is_answer and said.have_all(spec)
