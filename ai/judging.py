"""A model's answer to one message, judged: commands, a question, or what is wrong with it."""

from collections.abc import Callable, Collection
from typing import Any

from ai import replies, validation
from ai.catalogue import CommandSpec
from ai.configuration import type_of
from ai.models import Reply
from ai.sentences import MAX_ORDERS

Command = dict[str, Any]
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


class Judge:
    """Judges a model's answers to one message."""

    def __init__(
        self,
        specs: tuple[CommandSpec, ...],
        raw_types: Collection[str],
        interaction_type: str,
        said: str,
    ) -> None:
        """Know the commands, and in `said` everything that the person said."""
        self.specs, self.raw_types = specs, raw_types
        self.interaction_type, self.said = interaction_type, said
        self.unknown = ""  # what the person is told where the last answer was of an unknown type
        self.rejections: list[str] = []  # what the validators said last

    def judge(self, reply: Reply) -> tuple[list[Command], list[str]]:
        """Return the commands or the question of an answer, or what is wrong with it."""
        self.rejections, self.unknown = [], ""
        try:
            found = replies.extract(reply.text, reply.reasoning, is_cut_off=reply.is_cut_off)
        except replies.NoCommand as error:
            return [], [str(error)]
        if len(found) > MAX_ORDERS:
            return [], [f"Give at most {MAX_ORDERS} commands, or ask for clarification."]
        commands, problems = [], []
        for number, data in enumerate(found, 1):
            command, wrong = self._command(data)
            if not wrong and "interaction_type" not in command:
                return [command], []  # a question or a refusal is about the whole message
            if not wrong:
                wrong = rejections(command, self.interaction_type)
                self.rejections += wrong
            commands.append(command)
            problems += [f"Command {number}: {one}" for one in wrong] if len(found) > 1 else wrong
        return ([], problems) if problems else (commands, [])

    def _command(self, data: Command) -> tuple[Command, list[str]]:
        question = data.get("needs_clarification")
        asks = isinstance(question, str) and bool(question.strip())
        spec = validation.find_spec(data, self.specs)
        if spec:
            command, problems = validation.check(data, spec, self.said)
            is_complete = all(f.name in command for f in spec.parsed_fields if f.required)
            if not asks or not is_complete:  # the conversation asks for what is missing
                return command, problems
        if asks:
            return {"needs_clarification": str(question).strip()[:MAX_QUESTION]}, []
        kind = data.get("interaction_type")
        if not self.specs and kind is None:
            kind = self.interaction_type
        if isinstance(kind, str) and kind not in self.raw_types:
            kind = type_of(kind)
        if isinstance(kind, str) and kind in self.raw_types:
            named = {**data, "interaction_type": kind}
            return {key: value for key, value in named.items() if value is not None}, []
        if isinstance(data.get("error"), str):
            return {"error": data["error"][:MAX_QUESTION]}, []
        known = dict.fromkeys([*(spec.interaction_type for spec in self.specs), *self.raw_types])
        if isinstance(kind, str) and kind and kind not in known:
            self.unknown = f"I can't do that. I know about {', '.join(known)}."
        return {}, [validation.unknown(data, self.specs, self.raw_types)]
