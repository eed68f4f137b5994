"""Where command modules register, and how an order reaches its function.

A CommandModule holds annotated functions; `register_module` takes any coroutine function of
`(message, session, parsed)`. Both are found by the `interaction_type` that was understood.
"""

import ast
import inspect
import re
import textwrap
import threading
import tomllib
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Hashable,
    Iterable,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, cast

from cachetools import LRUCache

from ai.commands import Catalogue, CommandSpec, Role, catalogue, spoken
from ai.sentences.templates import SentenceError, expansions
from ai.times.grammar import phrases
from ai.times.recurrence import Resolved
from bot.api.client import ApiError
from bot.framework.context import Context, Declined, Message
from bot.framework.fields import Choices, Unclear, choices_of, convert, fields_of, meaning, question
from bot.framework.reminder_buttons import Offer, Offers
from bot.markdown import escape
from bot.messages import Session
from config.broken import file_of, load_folder, using

Action = Callable[..., Awaitable[str]] | Callable[..., AsyncIterator[str]]
"""What carries out a command: it returns its reply, or yields it as it grows, the whole last."""
OfAction = TypeVar("OfAction", bound=Action)
Handler = Callable[[Message, Session, dict[str, Any]], Awaitable[str | None]]

MAX_PARTS = 64  # of a registry that are kept: so agents with the same commands share one
MAX_QUESTIONS = 2  # questions about one field before the order is given up
REFUSALS = (400, 401, 403, 422)  # of what was typed, and not of how often or when
NOON = 12  # o'clock
WAY_OUT = " (Or say “never mind”.)"
_PLACEHOLDER = re.compile(r"\{(\w+)")


class RegistrationError(Exception):
    """A command module can't be used; the message names it and says what to change."""


@dataclass(frozen=True)
class Command:
    """A function that carries out an order, and what can be said to reach it."""

    spec: CommandSpec
    action: Action
    choices_from: Mapping[str, Choices]
    confirm: str | None = None


class CommandModule:
    """The commands of one domain: `interaction_type` names it, `description` is for people.

    `synonyms` are other ways to say the words that open its sentences: {"add": ("log", "note")}.
    What every domain shares is in ai/sentences/synonyms.py.
    """

    def __init__(
        self,
        interaction_type: str,
        description: str,
        synonyms: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> None:
        self.synonyms = synonyms
        self.interaction_type = interaction_type
        self.description = description
        self.commands: dict[str, Command] = {}
        self.offers: dict[str, tuple[Offer, ...]] = {}

    def command(
        self,
        *sentences: str,
        confirm: str | None = None,
        role: Role = "user",
        hint: str = "",
        examples: Sequence[tuple[str, Mapping[str, Any]]] = (),
        near: Sequence[str] = (),
        for_models: bool = True,
    ) -> Callable[[OfAction], OfAction]:
        """Make a function the command of its name; `sentences` are what people may say.

        `confirm` is a question that must be answered with yes before the function runs; `{field}`
        in it stands for the value. With the `role` "admin" it is there for administrators alone.
        Where a sentence of `near` is said, the command is offered, and done after a yes.
        `hint` and `examples` (a message, and the fields it means; more of them may stand in a TOML
        file beside the module) are for language models; with `for_models=False` the sentences
        alone reach it, which keeps prompts short.
        Raises RegistrationError where something is missing.
        """

        def register(action: OfAction) -> OfAction:
            name = action.__name__
            if name in self.commands:
                raise _error(action, "is there twice")
            spec = self._spec(action, sentences, tuple(near), confirm, role)
            given = (*examples, *_written(action))
            named = {field for _, fields in given for field in fields}
            if unknown := named - {field.name for field in spec.parsed_fields}:
                raise _error(action, f"an example names the unknown field {min(unknown)!r}")
            spec = replace(
                spec,
                hint=hint,
                examples=given,
                for_models=for_models,
                synonyms=self.synonyms,
            )
            self.commands[name] = Command(spec, action, choices_of(action), confirm)
            return action

        return register

    def offer(self, kind: str, *offers: Offer) -> None:
        """Put buttons under the reminders whose subject is `kind` and an id: "tasks:<id>"."""
        self.offers[kind] = offers

    def only(self, names: Collection[str]) -> "CommandModule":
        """Return the module with some of its commands, and with their buttons under reminders."""
        if all(name in names for name in self.commands):
            return self
        some = CommandModule(self.interaction_type, self.description, self.synonyms)
        some.commands = {name: found for name, found in self.commands.items() if name in names}
        some.offers = {
            kind: tuple(offer for offer in offers if offer.action in names)
            for kind, offers in self.offers.items()
        }
        return some

    def _spec(
        self,
        action: Action,
        sentences: tuple[str, ...],
        near: tuple[str, ...],
        confirm: str | None,
        role: Role,
    ) -> CommandSpec:
        """Read a function; raise RegistrationError where it breaks a convention."""
        if not (inspect.iscoroutinefunction(action) or inspect.isasyncgenfunction(action)):
            raise _error(action, "must be an `async def`")
        description = inspect.getdoc(action)
        if not description:
            raise _error(action, "needs a docstring: the help shows its first line")
        if not sentences:
            raise _error(action, "needs at least one sentence that says it")
        try:
            fields = fields_of(action)
        except (TypeError, NameError, ValueError) as error:
            raise _error(action, str(error)) from error
        spec = CommandSpec(
            self.interaction_type,
            action.__name__,
            description.splitlines()[0],
            fields,
            sentences,
            role=role,
            near=near,
        )
        certain = {field.name for field in fields if field.required and field.kind != "secret"}
        for name in set(_PLACEHOLDER.findall(confirm or "")) - certain:
            raise _error(action, f"`confirm` names {name!r}, which may be missing or is a secret")
        try:
            for sentence in (*sentences, *near):
                list(expansions(spec, sentence))
        except SentenceError as error:
            raise _error(action, str(error)) from error
        return spec

    async def handle(
        self, message: Message, session: Session, parsed: dict[str, Any]
    ) -> str | None:
        """Carry out a parsed command: fill its fields, ask what is open, confirm, run."""
        command = self.commands.get(str(parsed.get("action")))
        if command is None or not command.spec.is_open_to(session.role):
            raise Declined("I can't do that. Say **help** to see what I can do.")
        ctx = message.context
        values = await _fill(command.spec, parsed, ctx)
        if command.confirm:
            shown = {name: escape(spoken(value)) for name, value in values.items()}
            if not await ctx.confirm(command.confirm.format_map(shown)):
                return "All right, nothing was changed."
        answer = command.action(ctx, **values)
        if not isinstance(answer, AsyncIterator):
            return await _once_more(command, ctx, values, answer)
        async with ctx.draft() as draft:
            async for text in answer:
                await draft.show(text)
        return None


async def _once_more(
    command: Command, ctx: Context, values: dict[str, Any], answer: Awaitable[str]
) -> str:
    """Return the answer; ask again for a secret that the API refuses, MAX_QUESTIONS times in all.

    What a person types after a refusal is likely the secret, put right: an order must not be read
    from it.
    """
    secrets = [one for one in command.spec.fields if one.kind == "secret" and one.name in values]
    for _ in range(MAX_QUESTIONS - 1):
        try:
            return await answer
        except ApiError as error:
            if not secrets or error.status not in REFUSALS:
                raise
            told = f"{escape(error.told)} "
        for field in secrets:
            asked = f"{told}{question(field)} (Or say “cancel”.)"
            said, told = await ctx.ask(asked, secret=meaning(field)), ""
            values[field.name] = convert(field, said, ctx.zone, ctx.now)
        answer = cast(Awaitable[str], command.action(ctx, **values))
    return await answer


async def _fill(spec: CommandSpec, parsed: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Return the values of all fields that were said, or that the person gives when asked.

    Answers are noted in `parsed`, secrets excepted, so that the history has the whole order.
    """
    values: dict[str, Any] = {}
    for field in spec.fields:
        said = None if field.kind == "secret" else parsed.get(field.name)
        asked = 0
        if said is None or not spoken(said).strip():
            if not (field.required or (field.kind == "secret" and ctx.session.has_password)):
                continue
            secret = meaning(field) if field.kind == "secret" else None
            said = await ctx.ask(question(field, ctx.language), secret=secret)
            asked = 1
        while field.name not in values:
            try:
                values[field.name] = convert(field, said, ctx.zone, ctx.now, parsed)
            except Unclear as unclear:
                if asked == MAX_QUESTIONS:
                    raise Declined("I still don't understand that. Nothing was changed.") from None
                again = question(field, ctx.language) if ctx.language != "en" else unclear
                said = await ctx.ask(f"{again}{WAY_OUT if asked else ''}")
                asked += 1
        if field.kind != "secret":
            parsed[field.name] = said
        if field.kind == "when" and isinstance(said, str):
            ctx.found[said] = _whole_time(said, values[field.name], ctx)  # "tomorrow instead"
    return values


def _whole_time(said: str, when: datetime | Resolved, ctx: Context) -> str:
    """Return the words for a time with the half of the day that they were taken for."""
    moment = when.at if isinstance(when, Resolved) else when
    return phrases.with_half(said, "am" if moment.astimezone(ctx.zone).hour < NOON else "pm")


class Registry:
    """The handlers by interaction type; the commands' specs go into a catalogue."""

    def __init__(self, specs: Catalogue) -> None:
        self.specs = specs
        self.handlers: dict[str, Handler] = {}
        self.modules: dict[str, CommandModule] = {}
        self.offers = Offers()
        self._parts: LRUCache[Hashable, Registry] = LRUCache(MAX_PARTS)
        self._choosing = threading.Lock()  # agents have threads of their own

    def add(self, module: CommandModule) -> None:
        """Register a module's commands, all or none; the same one twice is no error."""
        if self.modules.get(module.interaction_type) is module:
            return
        self._check_free(module.interaction_type)
        said = {sentence: spec.key for spec in self.specs for sentence in spec.sentences}
        for command in module.commands.values():
            for sentence in command.spec.sentences:
                other = said.setdefault(sentence, command.spec.key)
                if other != command.spec.key:
                    both = " and ".join(" ".join(key) for key in (other, command.spec.key))
                    raise RegistrationError(f"the sentence {sentence!r} belongs to {both}")
        self.specs.add(*(command.spec for command in module.commands.values()))
        self.handlers[module.interaction_type] = module.handle
        self.modules[module.interaction_type] = module
        self.offers.add(module.interaction_type, module.offers)

    def register_module(self, interaction_type: str, handler: Handler) -> None:
        """Register `async (message, session, parsed)`; a string it returns is sent as the reply."""
        if self.handlers.get(interaction_type) != handler:
            self._check_free(interaction_type)
            self.handlers[interaction_type] = handler

    def get_handler(self, interaction_type: str) -> Handler | None:
        """Return the handler of a type, or None."""
        return self.handlers.get(interaction_type)

    def raw_types(self) -> dict[str, str]:
        """Return the types of raw handlers, each with what its handler tells of its fields."""
        return {
            kind: fields_read(handler)
            for kind, handler in self.handlers.items()
            if kind not in self.modules
        }

    def list_registered(self) -> list[str]:
        """Return the registered types, in the order in which they came."""
        return list(self.handlers)

    def only(self, names: Iterable[str]) -> "Registry":
        """Return a registry of some modules ("task"), or of commands in them ("task.show").

        For the same names it is the same one. Raises RegistrationError for what there is not.
        """
        names = tuple(names)
        return self._kept(names, partial(self._named, names))

    def open_to(self, role: Role) -> "Registry":
        """Return what people with a role know: this registry, where they may use all of it."""
        if all(spec.is_open_to(role) for spec in self.specs):
            return self
        return self._kept(role, partial(self._open_ones, role))

    def _named(self, names: Iterable[str]) -> dict[str, list[str]]:
        wanted: dict[str, list[str]] = {}
        for name in names:
            kind, dot, action = name.partition(".")
            module = self.modules.get(kind)
            there = module.commands if module else ()
            if kind not in self.handlers or (dot and action not in there):
                known = [f"{kind}.{one}" for one in there] or self.list_registered()
                raise RegistrationError(f"there is no command {name!r}, but {', '.join(known)}")
            wanted.setdefault(kind, []).extend([action] if action else there)
        return wanted

    def _open_ones(self, role: Role) -> dict[str, list[str]]:
        return {
            kind: [spec.action for spec in self.specs.of(kind) if spec.is_open_to(role)]
            for kind in self.handlers
        }

    def _kept(
        self, of: Hashable, wanted: Callable[[], Mapping[str, Collection[str]]]
    ) -> "Registry":
        """Return a part of this registry, made where it was not yet or something has come since."""
        key = of, self.specs.version, len(self.handlers)
        with self._choosing:
            part = self._parts.get(key)
            if part is None:
                part = self._parts[key] = self._part(wanted())
        return part

    def _part(self, wanted: Mapping[str, Collection[str]]) -> "Registry":
        """Return a registry of some commands by module, and of raw handlers."""
        part = Registry(Catalogue())
        for kind, actions in wanted.items():
            module = self.modules.get(kind)
            if module is None:
                part.register_module(kind, self.handlers[kind])
            elif actions:
                part.add(module.only(actions))
        return part

    def _check_free(self, interaction_type: str) -> None:
        if interaction_type in self.handlers:
            raise RegistrationError(f"two modules are called {interaction_type!r}; rename one")


registry = Registry(catalogue)
"""The command modules of this process."""

register_module = registry.register_module
get_handler = registry.get_handler
list_registered = registry.list_registered
COMMAND_MODULES = registry.handlers


def load_commands(package: str = "bot.commands", into: Registry = registry) -> Registry:
    """Import every file of the commands' folder, register the modules in it, return the registry.

    Raises BrokenModule with the file's name where one is broken.
    """
    for module in load_folder(package):
        with using(file_of(module.__name__)):
            for value in vars(module).values():
                if isinstance(value, CommandModule):
                    into.add(value)
    return into


@lru_cache
def fields_read(handler: Handler) -> str:
    """Tell a model what a raw handler takes: its docstring, and the fields that its code reads.

    Those are the keys of its third parameter, and the texts that it compares something with.
    """
    try:
        function = ast.parse(textwrap.dedent(inspect.getsource(handler))).body[0]
        parsed = [*inspect.signature(handler).parameters][2]
    except (OSError, TypeError, SyntaxError, IndexError):
        function, parsed = ast.Pass(), ""
    fields: dict[str, None] = {}
    words: dict[str, None] = {}
    for node in ast.walk(function):
        match node:
            case (
                ast.Call(
                    func=ast.Attribute(value=ast.Name(id=name), attr="get" | "pop"),
                    args=[ast.Constant(value=str(key)), *_],
                )
                | ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key)))
            ) if name == parsed:
                fields[key] = None
            case (
                ast.Compare(comparators=[ast.Constant(value=str(word))])
                | ast.MatchValue(value=ast.Constant(value=str(word)))
            ):
                words[word] = None
    told = [inspect.getdoc(handler) or ""]
    told += [f"Its fields: {', '.join(fields)}."] if fields else []
    told += [f"Its actions and words, and no others: {', '.join(words)}."] if words else []
    return " ".join(told).strip()


def _written(action: Action) -> list[tuple[str, dict[str, Any]]]:
    """Return the examples of a command in the TOML file beside its module, if there is one."""
    file = Path(inspect.getfile(action)).with_suffix(".toml")
    try:
        found = _examples_in(file).get(action.__name__, [])
        return [(one["say"], {k: v for k, v in one.items() if k != "say"}) for one in found]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise _error(action, f"can't read the examples in {file.name}: {error}") from error


@lru_cache(maxsize=64)
def _examples_in(file: Path) -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}


def _error(action: Action, problem: str) -> RegistrationError:
    return RegistrationError(f"{action.__module__}.{action.__qualname__}: {problem}")
