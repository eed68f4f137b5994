"""What a person wrote, turned into a command: local sentences first, then the model.

The documented names for other modules are `parse`, `register_validator` and `AI_CONFIG`.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pkgutil import resolve_name
from typing import Any

from ai.commands import (
    Catalogue,
    Clarification,
    Command,
    CommandSpec,
    NotUnderstood,
    Offer,
    Parsed,
    ParsedCommand,
    Specs,
    catalogue,
    from_dicts,
)
from ai.config import COMMAND, AIConfig, Prompt, get_ai_config, type_of
from ai.extraction import prompt as prompts
from ai.extraction.certainty import Certainty
from ai.extraction.checks import checked
from ai.extraction.examples import nearest
from ai.extraction.grounding import Sources
from ai.extraction.prompt import Turn
from ai.extraction.validator import (
    ResponseValidator,
    register_validator,
    rejections,
    validated_types,
)
from ai.languages import asked_in, language_of
from ai.llm.chat import tokens, tokens_of
from ai.llm.registry import model_of
from ai.llm.types import Budget, ChatModel, ModelError, Said
from ai.metrics import parsed
from ai.sentences import wording
from ai.sentences.matcher import Match, matcher_of
from ai.sentences.references import NO_REFERENCES, References
from config.settings import ConfigError, get_settings

__all__ = ["Parser", "parse", "register_validator"]

log = logging.getLogger(__name__)

LOAD_COMMANDS = "bot.framework.registry:load_commands"
"""What registers this process's commands, by name, since it lies above this layer."""
NOT_UNDERSTOOD = "I did not understand that."
NO_ANSWER = "I could not make sense of that. Please say it in other words."
ONE_AT_A_TIME = "That sounds like several things at once. Please tell me one at a time."

Key = tuple[str, str]
Taught = Callable[[str], Awaitable[Sequence[Mapping[str, Any]]]]
IsThere = Callable[[ParsedCommand], Awaitable[bool]]


class Parser:
    """Turns texts into commands."""

    def __init__(
        self,
        catalogue: Catalogue,
        config: AIConfig,
        model: ChatModel | None = None,
        *,
        raw_types: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """Use a catalogue and a model, or no model: then local sentences are all there is.

        `raw_types` returns the interaction types of raw handlers, which are outside the catalogue,
        each with what is known of its fields. Their results are only checked by the validators.
        """
        self._catalogue = catalogue
        self._config = config
        self._model = model
        self._raw_types = raw_types
        self._matcher = matcher_of(catalogue)

    async def parse(
        self,
        text: str,
        interaction_type: str = COMMAND,
        history: Sequence[Turn] = (),
        *,
        allowed: Collection[Key] | None = None,
        retry_count: int = 0,
        errors: Sequence[str] = (),
    ) -> Command:
        """Return the command that the text says, a `needs_clarification`, or an `error`.

        `allowed` bounds the commands to those that this person may use. Where nothing was
        understood, `suggestions` holds the nearest sentences. Raises ConfigError where there is
        no such prompt.
        """
        understood = await self.parse_all(
            text,
            interaction_type,
            history,
            allowed=allowed,
            retry_count=retry_count,
            errors=errors,
        )
        if isinstance(understood, tuple):
            several = len(understood) > 1
            return (Clarification(ONE_AT_A_TIME) if several else understood[0]).as_dict()
        return understood.as_dict()

    async def parse_all(
        self,
        text: str,
        interaction_type: str = COMMAND,
        history: Sequence[Turn] = (),
        *,
        allowed: Collection[Key] | None = None,
        references: References = NO_REFERENCES,
        budget: Budget | None = None,
        taught: Taught | None = None,
        is_there: IsThere | None = None,
        retry_count: int = 0,
        errors: Sequence[str] = (),
    ) -> Parsed:
        """Return the commands that the text says, in its order: one to five.

        A question or `NotUnderstood` takes their place where they are not certain.
        `references` is what "it" and "the second one" point at; `budget` bounds what is spent on
        models, and is asked before each request. `taught` returns the orders that this person
        means by a text, which they have taught. `is_there` says whether the person has what an
        order names: what is nearly said is offered of that alone. Otherwise as `parse`.
        """
        began = time.perf_counter()
        raw = dict(self._raw_types())
        interaction_type = self._type_of(interaction_type, raw)
        specs = self._scope(interaction_type, allowed)
        problems = [*errors]
        matches = self._matcher.match_all(text, references)
        if matches and all(match.spec in specs for match in matches):
            commands = [match.command for match in matches]
            problems = [one for made in commands for one in rejections(made, interaction_type)]
            if not problems:
                parsed("sentences", began, commands)
                return from_dicts(commands)
        if not problems and taught and (kept := checked(await taught(text), specs)):
            problems = [one for made in kept for one in rejections(made, interaction_type)]
            if not problems:
                parsed("phrases", began, kept)
                return from_dicts(kept)
        asked = _asked(history) if self._model else ""
        near = [] if asked else await self._nearly(text, references, specs, is_there)
        language = language_of(text)
        if self._model is None:
            told = " ".join(problems) or asked_in(language, "english") or NOT_UNDERSTOOD
        else:
            prompt, listed = self._prompt(interaction_type, raw), Specs(specs)
            described = self._described(interaction_type, raw)
            known = prompts.manual(listed, described, self._fitting(listed, text))
            earlier = prompts.earlier(history, references)
            if len(near) == 1:
                earlier += prompts.guess(near[0].command)
            near_by = nearest(listed, text) if interaction_type == COMMAND and listed else None
            given = prompts.examples(prompt, near_by.shown if near_by else ())
            system, turns = prompts.opening(prompt, known, text, earlier, problems, given)
            said = _said(text, history)
            judge = ResponseValidator(
                listed,
                self._open_types(raw),
                interaction_type,
                said,
                _known(references),
                # To a question anything may be the answer: "yes", or a name alone.
                None if asked else text,
                near_by,
            )
            try:
                answer = await self._ask(self._model, system, turns, judge, budget, retry_count)
                parsed("model", began, answer)
                understood = from_dicts(answer)
                if not isinstance(understood, tuple):
                    return understood
                if made := await _to_be_made(understood, judge.certainty, is_there):
                    return _offer(text, (made,), listed)
                if judge.is_certain:
                    return understood
                if not all(judge.certainty.is_foreign(one.as_dict()) for one in understood):
                    return _offer(text, understood, listed)
                told = NO_ANSWER
            except ModelError as error:
                log.warning("the model gave no answer: %s", error.problem)
                told = str(error)
            except _OverBudget as error:
                told = str(error)
        if asked:
            near = await self._nearly(text, references, specs, is_there)
        refused = problems or [
            no for one in near for no in rejections(one.command, interaction_type)
        ]
        if near and not refused:
            parsed("near", began, [])
            offered = tuple(ParsedCommand.from_dict(one.command) for one in near)
            return _offer(text, offered, specs)
        suggested = []
        if language == "en":  # in which the sentences are
            suggested = self._matcher.nearest(text, allowed={spec.key for spec in specs})
        parsed("neither", began, [])
        return NotUnderstood(told, tuple(suggested))

    def _fitting(self, listed: tuple[CommandSpec, ...], text: str) -> tuple[Key, ...] | None:
        """Return the commands to describe to a model, or None for all: so prompts stay short."""
        shown = [spec.key for spec in listed if spec.for_models]
        if len(shown) <= prompts.MAX_DESCRIBED:
            return None
        near = self._matcher.nearest_commands(text, allowed={*shown})
        return tuple(sorted([*near][: prompts.MAX_FITTING]))

    async def _nearly(
        self,
        text: str,
        references: References,
        specs: Sequence[CommandSpec],
        is_there: IsThere | None,
    ) -> list[Match]:
        """Return what a text nearly says, where it may be ordered and is of what is there."""
        matches = self._matcher.near_all(text, references)
        known = {spec.key for spec in specs}
        for match in matches:
            order = ParsedCommand.from_dict(match.command)
            if match.spec.key not in known or (is_there and not await is_there(order)):
                return []
        return matches

    def _scope(self, interaction_type: str, allowed: Collection[Key] | None) -> list[CommandSpec]:
        specs = (
            self._catalogue if interaction_type == COMMAND else self._catalogue.of(interaction_type)
        )
        return [spec for spec in specs if allowed is None or spec.key in allowed]

    def _type_of(self, name: str, raw: Mapping[str, str]) -> str:
        """Return the interaction type that is meant: `habit_parser` is the prompt of `habit`."""
        return name if name in raw or self._catalogue.of(name) else type_of(name)

    def _prompt(self, interaction_type: str, raw: Mapping[str, str]) -> Prompt:
        """Return the prompt of a type; that of commands, where a module has none of its own."""
        prompt = self._config.prompt_of(interaction_type)
        if prompt is None and (interaction_type in raw or self._catalogue.of(interaction_type)):
            prompt = self._config.prompt_of(COMMAND)
        if prompt is None:
            raise ConfigError(f"the AI configuration has no prompts.{interaction_type}; add it")
        return prompt

    def _described(
        self, interaction_type: str, raw: Mapping[str, str]
    ) -> tuple[tuple[str, str], ...]:
        """Return the raw types that a model is told of: with their own prompt's text, if any."""
        own = {kind: self._config.prompt_of(kind) for kind in raw}
        told = {kind: prompt.system if (prompt := own[kind]) else raw[kind] for kind in raw}
        if interaction_type == COMMAND:
            return tuple(told.items())
        asked = interaction_type in raw and own[interaction_type] is None
        return ((interaction_type, told[interaction_type]),) if asked else ()

    def _open_types(self, raw: Mapping[str, str]) -> list[str]:
        """Return the interaction types whose fields are not in the catalogue."""
        known = {COMMAND, *(spec.interaction_type for spec in self._catalogue)}
        found = dict.fromkeys([*raw, *validated_types(), *map(type_of, self._config.prompts)])
        return [name for name in found if name not in known]

    async def _ask(
        self,
        model: ChatModel,
        system: str,
        turns: list[Said],
        judge: ResponseValidator,
        budget: Budget | None,
        retry_count: int,
    ) -> list[Command]:
        """Ask the model, again with what was wrong, until it is right or the tries are used up."""
        raw = tuple(judge.raw_types)
        schema = prompts.schema(judge.specs, raw) if judge.specs else None
        for _ in range(retry_count, self._config.validation.max_retries):
            size = tokens(system) + sum(map(tokens_of, turns))
            most = size + self._config.max_tokens
            if budget and (refusal := await budget.allow(most)):
                raise _OverBudget(refusal)
            try:
                reply = await model.complete(system, turns, schema)
            except ModelError as error:
                if budget:
                    for usage, name in (*error.before, (error.usage, error.model)):
                        await budget.spend(usage, name)
                raise
            if budget:
                for usage, name in (*reply.before, (reply.usage, reply.model)):
                    await budget.spend(usage, name)
            log.info("the model used %d + %d tokens", reply.usage.prompt, reply.usage.completion)
            commands, problems = judge.judge(reply)
            if commands:
                return commands
            turns += prompts.again(reply.text, problems)
        return [{"error": " ".join(judge.rejections) or judge.unknown or NO_ANSWER}]


def _offer(text: str, orders: tuple[ParsedCommand, ...], specs: Sequence[CommandSpec]) -> Offer:
    known, said = {spec.key: spec for spec in specs}, Sources(text)
    is_whole = all(  # what a raw handler takes is not known
        one.key in known and said.hold(known[one.key], one.values) for one in orders
    )
    return Offer(orders, wording.question(orders, specs, language_of(text)), is_whole)


async def _to_be_made(
    orders: tuple[ParsedCommand, ...], certainty: Certainty, is_there: IsThere | None
) -> ParsedCommand | None:
    """Return the order that makes what another one changes, where there is no such thing."""
    if len(orders) > 1:
        return None
    made = certainty.made_instead(orders[0].as_dict(), is_known=is_there is not None)
    if made is None or (is_there and await is_there(orders[0])):
        return None
    return ParsedCommand.from_dict(made)


class _OverBudget(Exception):
    """The person may spend no more; the message tells it to them."""


def _said(text: str, history: Sequence[Turn]) -> str:
    """Return what a person said, with the question that they answer now."""
    return "\n".join([text, _asked(history), *(turn for turn, _ in history)])


def _asked(history: Sequence[Turn]) -> str:
    """Return the question that was asked last, where the last turn was one."""
    return str(history[-1][1].get("needs_clarification") or "") if history else ""


def _known(references: References) -> list[str]:
    """Return the names that a person was shown, and those in their last order."""
    return [*references.shown, *map(str, (references.last or {}).values())]


def parse(
    user_input: str,
    interaction_type: str,
    retry_count: int = 0,
    errors: list[str] | None = None,
    history: list[Turn] | None = None,
) -> Command:
    """Parse a text with the project's commands and settings; blocks until the answer is there.

    For scripts and other modules; inside the bot use `Parser`, which does not block. It may be
    called where an event loop is running. `retry_count` tries count as used, and `errors` are
    shown to the model.
    """
    registry = resolve_name(LOAD_COMMANDS)()

    async def parse_once() -> Command:
        config = AIConfig.model_validate(_ai_config())
        model = model_of(get_settings(), config)
        try:
            return await Parser(catalogue, config, model, raw_types=registry.raw_types).parse(
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
