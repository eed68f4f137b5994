"""`manage.py understand`: what is made of a text, and why, for the author of commands."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ai.commands import Clarification, CommandSpec, FieldSpec, NotUnderstood, Parsed, catalogue
from ai.config import get_ai_config
from ai.llm.registry import model_of
from ai.llm.types import ChatModel, Message, ModelError, Reply
from ai.parser import Parser
from ai.sentences.explain import candidates
from ai.times.resolve import find
from bot.conversation.handler import MAX_LENGTH, is_help
from bot.framework.fields import Unclear, convert
from bot.framework.registry import Registry, load_commands
from cli.errors import fail
from cli.tables import show_table
from config.settings import Settings, get_settings
from runtime.clock import utc_now

NO_KEY = "OPENROUTER_API_KEY is not set."
MAX_SHOWN = 8  # commands


class RecordedModel:
    """A model whose requests and answers are kept."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model
        self.exchanges: list[tuple[Sequence[Message], str]] = []

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None = None
    ) -> Reply:
        """Ask, and keep both sides. Raises ModelError."""
        try:
            reply = await self._model.complete(messages, schema)
        except ModelError as error:
            self.exchanges.append(([*messages], f"no answer: {error.told}"))
            raise
        self.exchanges.append(([*messages], reply.text or reply.reasoning))
        return reply

    async def aclose(self) -> None:
        """Close the connections."""
        await self._model.aclose()


def understand(
    text: Annotated[str, typer.Argument(help="What somebody says to the bot.")],
    model: Annotated[bool, typer.Option(help="Ask the model, as the bot would.")] = True,
) -> None:
    """Say what is understood of a text, and why not: sentences, times, and what a model answers."""
    if is_help(text):
        typer.echo("The conversation itself answers this: it asks for help.")
        return
    if len(text) > MAX_LENGTH:
        raise fail(f"The bot reads up to {MAX_LENGTH:,} characters.")
    settings = get_settings()
    registry = load_commands()
    asked = model_of(settings, get_ai_config()) if model else None
    recorded = RecordedModel(asked) if asked else None
    parsed = asyncio.run(_parse(text, registry, recorded))
    by_model = recorded is not None and bool(recorded.exchanges)
    for line in _told(parsed, settings, "the model" if by_model else "a sentence"):
        typer.echo(line)
    for start, end in find(text):
        words = text[start:end]
        typer.echo(f"A time in it: “{words}”{_time(words, settings)}")
    typer.echo("")
    rows = [
        (" ".join(one.spec.key), one.sentence, one.why or "fits")
        for one in candidates(catalogue, text)[:MAX_SHOWN]
    ]
    show_table(("command", "nearest sentence", "why not"), rows, "No sentence begins like that.")
    if recorded is None:
        typer.echo(f"No model was asked: {NO_KEY if model else '--no-model was given.'}")
    elif not by_model:
        typer.echo("No model was asked: a sentence fits.")
    else:
        _show(recorded)


async def _parse(text: str, registry: Registry, model: ChatModel | None) -> Parsed:
    parser = Parser(catalogue, get_ai_config(), model, raw_types=registry.raw_types)
    try:
        return await parser.parse_all(text)
    finally:
        if model:
            await model.aclose()


def _told(parsed: Parsed, settings: Settings, by: str) -> list[str]:
    """Say what was understood."""
    if isinstance(parsed, NotUnderstood):
        near = [f"  such as: {sentence}" for sentence in parsed.suggestions or ()]
        return [f"Not understood: {parsed.problem}", *near]
    if isinstance(parsed, Clarification):
        return [f"The model asks back: {parsed.question}"]
    specs = {spec.key: spec for spec in catalogue}
    lines = []
    for order in parsed:
        lines.append(f"Understood by {by}: {order.interaction_type} {order.action or ''}".rstrip())
        spec = specs.get((order.interaction_type, order.action or ""))
        lines += _fields(order.values, spec, settings)
    return lines


def _fields(values: Mapping[str, Any], spec: CommandSpec | None, settings: Settings) -> list[str]:
    """Say what was taken for each field, and which are still to be asked for."""
    fields = {field.name: field for field in spec.fields} if spec else {}
    lines = [
        f"  {name}: {value}{_time(str(value), settings) if _is_time(fields.get(name)) else ''}"
        for name, value in values.items()
    ]
    missing = [name for name, field in fields.items() if field.required and name not in values]
    return lines + [f"  {name}: not said, so the bot asks for it" for name in missing]


def _is_time(field: FieldSpec | None) -> bool:
    return field is not None and field.kind == "when"


def _time(words: str, settings: Settings) -> str:
    """Say which time is read in some words, for somebody who has set no zone."""
    field = FieldSpec("time", "when", repeats=True)
    try:
        read = convert(field, words, ZoneInfo(settings.time_zone), utc_now())
    except Unclear as error:
        return f", of which the bot asks: {error}"
    again = f", again by {read.rule}" if read.rule else ""
    return f" = {read.at.astimezone(ZoneInfo(settings.time_zone)):%a %d %b %Y, %H:%M %Z}{again}"


def _show(recorded: RecordedModel) -> None:
    """Print what the model was told, and what it answered; of later requests what is new."""
    known = 0
    for messages, answer in recorded.exchanges:
        for message in messages[known:]:
            typer.echo(f"--- {message['role']}, to the model ---\n{message['content']}")
        typer.echo(f"--- the model's answer ---\n{answer}")
        known = len(messages)
