"""`manage.py understand`: what is made of a text, and why, for the author of commands."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ai.commands import (
    Clarification,
    CommandSpec,
    FieldSpec,
    NotUnderstood,
    Offer,
    Parsed,
    catalogue,
)
from ai.config import get_ai_config
from ai.llm.registry import model_of
from ai.llm.types import Answer, ChatModel, ModelError, Said
from ai.parser import Parser
from ai.sentences.explain import candidates
from ai.times.recurrence import Resolved
from ai.times.resolve import find
from bot.conversation.handler import MAX_LENGTH, is_help
from bot.framework.fields import Unclear, convert
from bot.framework.registry import Registry, load_commands
from cli.data.tables import show_table
from cli.errors import fail
from config.settings import Settings, get_settings
from runtime.clock import utc_now

NO_KEY = "OPENROUTER_API_KEY is not set."
MAX_SHOWN = 8  # commands


class RecordedModel:
    """A model whose requests and answers are kept."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model
        self.exchanges: list[tuple[str, Sequence[Said], str]] = []

    async def complete(
        self, system: str, turns: Sequence[Said], schema: dict[str, Any] | None = None
    ) -> Answer:
        """Ask, and keep both sides. Raises ModelError."""
        try:
            reply = await self._model.complete(system, turns, schema)
        except ModelError as error:
            self.exchanges.append((system, [*turns], f"no answer: {error.told}"))
            raise
        self.exchanges.append((system, [*turns], reply.text or reply.reasoning))
        return reply

    async def aclose(self) -> None:
        """Close the connections."""
        await self._model.aclose()


READ_LATER = ("when", "date", "decimal", "duration")


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
        typer.echo(f"A time in it: “{words}”{_read(words, settings, _field_said(words, parsed))}")
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
    if isinstance(parsed, Offer):
        lines, parsed = [f"Not certain, so the bot asks: {parsed.question}"], parsed.orders
    for order in parsed:
        lines.append(f"Understood by {by}: {order.interaction_type} {order.action or ''}".rstrip())
        spec = specs.get(order.key)
        lines += _fields(order.values, spec, settings)
    return lines


def _fields(values: Mapping[str, Any], spec: CommandSpec | None, settings: Settings) -> list[str]:
    """Say what was taken for each field, and which are still to be asked for."""
    fields = {field.name: field for field in spec.fields} if spec else {}
    read = [name for name, field in fields.items() if field.kind in READ_LATER]
    lines = [
        f"  {name}: {value}{_read(str(value), settings, fields[name]) if name in read else ''}"
        for name, value in values.items()
    ]
    missing = [name for name, field in fields.items() if field.required and name not in values]
    return lines + [f"  {name}: not said, so the bot asks for it" for name in missing]


def _read(words: str, settings: Settings, field: FieldSpec) -> str:
    """Say what is read in some words, for somebody who has set no zone."""
    zone = ZoneInfo(settings.time_zone)
    try:
        read = convert(field, words, zone, utc_now())
    except Unclear as error:
        return f", of which the bot asks: {error}"
    again = ""
    if isinstance(read, Resolved):
        again = f", again by {read.rule}" if read.rule else ""
        read = read.at
    if isinstance(read, datetime):
        return f" = {read.astimezone(zone):%a %d %b %Y, %H:%M %Z}{again}"
    return f" = {read:%a %d %b %Y}" if isinstance(read, date) else f" = {read}"


def _field_said(words: str, parsed: Parsed) -> FieldSpec:
    """Return the field that words for a time went to, or one that takes any to come."""
    specs = {spec.key: spec for spec in catalogue}
    for order in parsed if isinstance(parsed, tuple) else ():
        spec = specs.get(order.key)
        for field in spec.fields if spec else ():
            if field.is_time and words in str(order.values.get(field.name)):
                return field
    return FieldSpec("time", "when", repeats=True)


def _show(recorded: RecordedModel) -> None:
    """Print what the model was told, and what it answered; of later requests what is new."""
    known = 0
    for system, turns, answer in recorded.exchanges:
        if not known:
            typer.echo(f"--- system, to the model ---\n{system}")
        for turn in turns[known:]:
            typer.echo(f"--- {turn.role}, to the model ---\n{turn.text}")
        typer.echo(f"--- the model's answer ---\n{answer}")
        known = len(turns)
