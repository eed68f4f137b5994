"""What a person wrote, turned into a command: local sentences first, then the model.

The documented names for other modules are `parse`, `register_validator` and `AI_CONFIG`.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

from ai import prompts, replies, validation
from ai.catalogue import Catalogue, CommandSpec, catalogue
from ai.configuration import AIConfig, Prompt, get_ai_config
from ai.models import Budget, ChatModel, Message, ModelError, Reply, model_of
from ai.prompts import Command, Turn
from ai.recall import NOTHING_BEFORE, Recall
from ai.sentences import Matcher
from config.settings import ConfigError, get_settings

log = logging.getLogger(__name__)

COMMAND = "command"
NOT_UNDERSTOOD = "I did not understand that."
NO_ANSWER = "I could not make sense of that. Please say it in other words."
ONE_AT_A_TIME = "That sounds like several things at once. Please tell me one at a time."
MAX_QUESTION = 500  # characters of a question that the model asks the person

Validator = Callable[[Command], list[str]]
Key = tuple[str, str]

_validators: dict[str, Validator] = {}


def register_validator(interaction_type: str, validator: Validator) -> None:
    """Hold every result of a type, and of the prompt of that name, against a function.

    It takes the parsed command and returns what is wrong with it, one string a problem. A
    second one for the same type takes the place of the first.
    """
    _validators[interaction_type] = validator


class Parser:
    """Turns texts into commands."""

    def __init__(
        self,
        catalogue: Catalogue,
        config: AIConfig,
        model: ChatModel | None = None,
        *,
        other_types: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """Use a catalogue and a model, or no model: then local sentences are all there is.

        `other_types` names the interaction types outside the catalogue that are understood all
        the same: those of raw handlers. Their results are only checked by the validators.
        """
        self._catalogue = catalogue
        self._config = config
        self._model = model
        self._other_types = other_types
        self._matcher = Matcher(catalogue)

    async def parse(
        self,
        text: str,
        interaction_type: str = COMMAND,
        history: Sequence[Turn] = (),
        *,
        allowed: Collection[Key] | None = None,
        recall: Recall = NOTHING_BEFORE,
        budget: Budget | None = None,
        retry_count: int = 0,
        errors: Sequence[str] = (),
    ) -> Command:
        """Return the command that the text says, a `needs_clarification`, or an `error`.

        `allowed` bounds the commands to those that this person may use. Where nothing was
        understood, `suggestions` holds the nearest sentences. Raises ConfigError where there is
        no such prompt.
        """
        specs = self._scope(interaction_type, allowed)
        problems = [*errors]
        match = self._matcher.match(text)
        if match and match.spec in specs:
            kind, action = match.spec.key
            command = {"interaction_type": kind, "action": action, **match.fields}
            problems = _rejections(command, interaction_type)
            if not problems:
                return command
        if self._model is None:
            told = " ".join(problems) or NOT_UNDERSTOOD
        else:
            prompt, listed = self._prompt(interaction_type), tuple(specs)
            messages = prompts.opening(prompt, prompts.manual(listed), text, history, problems)
            judge = _Judge(listed, self._raw_types(), interaction_type, _said(text, history))
            try:
                return await self._ask(self._model, messages, judge, retry_count)
            except ModelError as error:
                log.warning("the model gave no answer: %s", error.problem)
                told = str(error)
        nearest = self._matcher.nearest(text, allowed={spec.key for spec in specs})
        return {"error": told, "suggestions": nearest}

    async def parse_all(
        self,
        text: str,
        interaction_type: str = COMMAND,
        history: Sequence[Turn] = (),
        *,
        allowed: Collection[Key] | None = None,
        recall: Recall = NOTHING_BEFORE,
        budget: Budget | None = None,
    ) -> list[Command]:
        """Return the commands that the text says, in its order: one to five.

        A single `needs_clarification` or `error` takes their place where they are not certain.
        `recall` is what "it" and "the second one" point at; `budget` bounds what is spent on
        models. Otherwise as `parse`.
        """
        return [
            await self.parse(
                text, interaction_type, history, allowed=allowed, recall=recall, budget=budget
            )
        ]

    def _scope(self, interaction_type: str, allowed: Collection[Key] | None) -> list[CommandSpec]:
        specs = (
            self._catalogue if interaction_type == COMMAND else self._catalogue.of(interaction_type)
        )
        return [spec for spec in specs if allowed is None or spec.key in allowed]

    def _prompt(self, interaction_type: str) -> Prompt:
        """Return the prompt of a type; that of commands, where a module has none of its own."""
        named = self._config.prompts
        name = interaction_type
        if name not in named and self._catalogue.of(interaction_type):
            name = COMMAND
        if name not in named:
            raise ConfigError(f"the AI configuration has no prompts.{interaction_type}; add it")
        return named[name]

    def _raw_types(self) -> set[str]:
        """Return the interaction types whose fields are not in the catalogue."""
        known = {COMMAND, *(spec.interaction_type for spec in self._catalogue)}
        return {*self._other_types(), *_validators, *self._config.prompts} - known

    async def _ask(
        self, model: ChatModel, messages: list[Message], judge: "_Judge", retry_count: int
    ) -> Command:
        """Ask the model, again with what was wrong, until it is right or the tries are used up."""
        schema = prompts.schema(judge.specs) if judge.specs and not judge.raw_types else None
        for _ in range(retry_count, self._config.validation.max_retries):
            reply = await model.complete(messages, schema)
            log.info("the model used %d + %d tokens", reply.usage.prompt, reply.usage.completion)
            command, problems = judge.judge(reply)
            if command is not None:
                return command
            messages += prompts.again(reply.text, problems)
        return {"error": " ".join(judge.rejections) or NO_ANSWER}


class _Judge:
    """Judges a model's answers to one message."""

    def __init__(
        self, specs: tuple[CommandSpec, ...], raw_types: set[str], interaction_type: str, said: str
    ) -> None:
        self.specs, self.raw_types = specs, raw_types
        self.interaction_type, self.said = interaction_type, said
        self.rejections: list[str] = []  # what the validators said last

    def judge(self, reply: Reply) -> tuple[Command | None, list[str]]:
        """Return the command or question of an answer, or None and what is wrong with it."""
        self.rejections = []
        try:
            data = replies.extract(reply.text, reply.reasoning, is_cut_off=reply.is_cut_off)
        except replies.NoCommand as error:
            return None, [str(error)]
        except replies.SeveralCommands:
            return {"needs_clarification": ONE_AT_A_TIME}, []
        command, problems = self._command(data)
        if problems or "interaction_type" not in command:
            return (None, problems) if problems else (command, [])
        self.rejections = _rejections(command, self.interaction_type)
        return (None, self.rejections) if self.rejections else (command, [])

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
        if isinstance(kind, str) and kind in self.raw_types:
            named = {**data, "interaction_type": kind}
            return {key: value for key, value in named.items() if value is not None}, []
        if isinstance(data.get("error"), str):
            return {"error": data["error"][:MAX_QUESTION]}, []
        return {}, [validation.unknown(data, self.specs)]


def _rejections(command: Command, prompt_name: str) -> list[str]:
    """Return what the validators of a command's type and of its prompt find wrong."""
    names = dict.fromkeys((command["interaction_type"], prompt_name))
    return [
        problem for name in names if (check := _validators.get(name)) for problem in check(command)
    ]


def _said(text: str, history: Sequence[Turn]) -> str:
    return "\n".join([text, *(f"{said} {made}" for said, made in history)])


def parse(
    user_input: str,
    interaction_type: str,
    retry_count: int = 0,
    errors: list[str] | None = None,
    history: list[Turn] | None = None,
) -> Command:
    """Parse a text with this process's commands and settings; blocks until the answer is there.

    For scripts and other modules; inside the bot use `Parser`, which does not block. It may be
    called where an event loop is running. `retry_count` tries count as used, and `errors` are
    shown to the model.
    """

    async def parse_once() -> Command:
        config = AIConfig.model_validate(_ai_config())
        model = model_of(get_settings(), config)
        try:
            return await Parser(catalogue, config, model).parse(
                user_input,
                interaction_type,
                history or (),
                retry_count=retry_count,
                errors=errors or (),
            )
        finally:
            if model:
                await model.aclose()

    with ThreadPoolExecutor(1, "ai-parse") as pool:  # a thread of its own may run a loop of its own
        return pool.submit(asyncio.run, parse_once()).result()


@lru_cache(maxsize=1)
def _ai_config() -> dict[str, Any]:
    return get_ai_config().model_dump()


def __getattr__(name: str) -> dict[str, Any]:
    """Read `AI_CONFIG` when it is first asked for, as importing this module must need no file."""
    if name == "AI_CONFIG":
        return _ai_config()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
