"""Validate a model's answer to one message: commands, a question, or what is wrong with it."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from ai.commands import Command, CommandSpec
from ai.config import type_of
from ai.extraction import json_reply
from ai.extraction.certainty import Certainty
from ai.extraction.checks import KEY, Checked, check, find_spec, folded, unknown, values_of
from ai.extraction.examples import NONE, Nearest, is_done
from ai.extraction.grounding import Sources, words_of
from ai.extraction.rows import maker_of_rows, place_of, row_of
from ai.llm.types import Answer
from ai.sentences.matcher import MAX_ORDERS

MADE_UP = "The message names no {} “{}”. What does it order, if anything?"
LIKELY = " It is most like what is said for {}."

Validator = Callable[[Command], list[str]]

_OF = "from|of|for|at|von|vom|aus|für|bei|de|del|du|des|para|pour|chez"
"""What stands before what belongs to a thing: it is no second one."""
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


def _last(kept: Sequence[Checked]) -> Command:
    return values_of(kept[-1].command) if kept else {}


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
        self._text = just_said or ""
        self._is_said = nearest.has if nearest else None  # a word that orders are given in
        just = said if just_said is None else just_said
        self._just_said = Sources(just, may_point=bool(known) or just_said is None)
        self.certainty = Certainty(specs, self._text, self._just_said, nearest)
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
        orders = [data for data in found if folded(data.get("command")) != NONE]
        answers = [self._command(data) for data in orders or found]
        answers = [one for one in answers if not self._lacks(one)] or answers
        answers = self._without_echoes(self._likelier_first(answers))
        if rows := self._rows(answers):
            answers = rows
            self.is_certain = False
        elif len(answers) == 1 and (meant := self.certainty.surely_meant(answers[0])):
            answers = [meant]
        elif len(answers) == 1 and (meant := self.certainty.likelier(answers[0])):
            answers = [self._command(meant.command)]  # of which names may be longer
            self.is_certain = False
        elif answers[0].is_all_made_up and self._may_ask_again:
            self._may_ask_again = False
            likely = LIKELY.format(self.certainty.likely) if self.certainty.likely else ""
            return [], [MADE_UP.format(*next(iter(answers[0].made_up.items()))) + likely]
        commands: list[Command] = []
        problems: list[str] = []
        said = {word for one in answers for word in words_of(values_of(one.command))}
        is_one = len({(one.command.get(KEY[0]), one.command.get(KEY[1])) for one in answers}) == 1
        for number, (command, problems_of_it, made_up) in enumerate(answers, 1):
            wrong = [*problems_of_it]
            if spec := find_spec(command, self.specs):
                self.is_certain &= (
                    not made_up
                    and self.certainty.is_ordered(spec, command, is_one=is_one)
                    and not self.certainty.leaves_out(spec, command, said)
                    and not self.certainty.leaves_words(spec, said)
                )
            if not wrong and "interaction_type" not in command:
                return [command], []  # a question or a refusal is about the whole message
            if not wrong:
                wrong = rejections(command, self.interaction_type)
                self.rejections += wrong
            commands.append(command)
            several = len(answers) > 1
            problems += [f"Command {number}: {one}" for one in wrong] if several else wrong
        return ([], problems) if problems else (commands, [])

    def _lacks(self, one: Checked) -> bool:
        """Say whether something that a command needs was made up, or all of it."""
        spec = find_spec(one.command, self.specs)
        needed = {field.name for field in spec.parsed_fields if field.required} if spec else set()
        return one.is_all_made_up or not needed.isdisjoint(one.made_up)

    def _rows(self, answers: Sequence[Checked]) -> list[Checked]:
        """Return an order for each thing of a message that is a row of them, see rows.py."""
        spec = find_spec(answers[0].command, self.specs)
        row = row_of(self._text) if spec else None
        found = maker_of_rows(self.specs, spec) if spec and row else None
        if row is None or found is None:
            return []
        maker, about = found
        place = place_of(maker, about, row.head, answers[0].command)
        return [
            Checked(dict(zip(KEY, maker.key, strict=True)) | {about.name: item, **place})
            for item in row.items
        ]

    def _likelier_first(self, answers: list[Checked]) -> list[Checked]:
        """Put the likelier of two commands of the same values first: the other one is an echo."""
        if len(answers) != 2 or values_of(answers[0].command) != values_of(answers[1].command):
            return answers
        return sorted(answers, key=lambda one: -self.certainty.likeness_of(one.command))

    def _without_echoes(self, answers: Sequence[Checked]) -> list[Checked]:
        """Leave out what repeats the words of an order before it, or has none of its own."""
        kept: list[Checked] = []
        heard: set[str] = set()
        values: list[Command] = []
        for one in answers:
            spec = find_spec(one.command, self.specs)
            said = values_of(one.command)
            words = words_of(said)
            is_echo = words and words <= heard and spec and not self._just_said.ask_for(spec)
            is_echo = is_echo or (heard and words and all(map(is_done, words)))
            is_again = bool(kept and words) and spec is find_spec(kept[0].command, self.specs)
            is_echo = is_echo or (is_again and self._is_only_said(words))
            is_echo = is_echo or self._belongs(kept, said)
            is_idle = spec and spec.examples and not said and not self.certainty.asks_for(spec)
            if kept and spec:
                is_idle = is_idle or self.certainty.is_aside(spec, kept[0].command, said)
            if one.problems or not (is_echo or (is_idle and values) or said in values):
                kept.append(one)
            heard |= words
            values += [said] if said else []
        return kept

    def _is_only_said(self, words: set[str]) -> bool:
        """Say whether words are what orders are given in alone: "erledigt" is no thing."""
        is_said = self._is_said
        return is_said is not None and all(one.isalpha() and is_said(one) for one in words)

    def _belongs(self, kept: Sequence[Checked], said: Command) -> bool:
        """Say whether an order's name belongs to the one before: "a blade from the shop"."""
        name, before = (str(next(iter(one.values()), "")) for one in (said, _last(kept)))
        behind = rf"{re.escape(before)}\s+(?:{_OF})\s+(?:\w{{1,3}}\s+)?{re.escape(name)}(?!\w)"
        return bool(name and before) and re.search(behind, self._text, re.IGNORECASE) is not None

    def _command(self, data: Command) -> Checked:
        question = data.get("needs_clarification")
        asks = isinstance(question, str) and bool(question.strip())
        spec = find_spec(data, self.specs)
        if spec:
            found = check(data, spec, self.said, self.known, self._text, self._is_said)
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
        if folded(data.get("command")) == NONE and isinstance(reply, str) and reply.strip():
            kind = "needs_clarification" if reply.rstrip().endswith("?") else "error"
            return Checked({kind: reply.strip()[:MAX_QUESTION]})
        if isinstance(data.get("error"), str):
            return Checked({"error": data["error"][:MAX_QUESTION]})
        known = dict.fromkeys([*(spec.interaction_type for spec in self.specs), *self.raw_types])
        if isinstance(kind, str) and kind and kind not in known:
            self.unknown = f"I can't do that. I know about {', '.join(known)}."
        return Checked({}, [unknown(data, self.specs, self.raw_types)])
