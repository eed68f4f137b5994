"""Slash commands: made from the command modules, told to Discord, and read when they are used."""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

import discord

from ai.commands import FieldKind, FieldSpec
from bot.agent import Agent
from bot.framework.fields import meaning
from bot.framework.registry import Command, CommandModule, Registry

logger = logging.getLogger(__name__)

# Discord's documentation, "Application Commands"
COMMAND = SUBCOMMAND = 1
TYPES: dict[FieldKind, int] = {
    "text": 3,
    "when": 3,
    "date": 3,
    "duration": 3,
    "decimal": 3,
    "choice": 3,
    "integer": 4,
    "boolean": 5,
    "number": 10,
}
NAME = re.compile(r"[-_a-z0-9]{1,32}")
MAX_OPTIONS = 25  # subcommands of a command, options of a subcommand, choices of an option
DESCRIPTION_LENGTH = 100
CONTEXTS = [0, 1, 2]  # servers, direct messages with the bot, and other direct messages
INSTALLED_BY = [0, 1]  # servers, and people, whom the bot then follows anywhere

SHOW = "show"
WORDS = {"help": "help", "logout": "log out", "forget": "forget me", "model": "/model"}
"""Commands of the bot's own, and the words that they stand for."""
FORMS = {"login": "log in", "register": "register"}
"""And those that open a form."""
DESCRIPTIONS = {
    "help": "What you can say to me",
    "login": "Log in",
    "register": "Make an account",
    "logout": "Log out",
}
FORGET = "Forget all that you have said to me"
CHOOSE = "Choose the model that answers you"
RESERVED = {*WORDS, *FORMS}
"""Names that no module's command can have."""


def payload(registry: Registry) -> list[dict[str, Any]]:
    """Return the slash commands as Discord wants them: one a module, its commands beneath it.

    A module with one command, `show` or of the module's own name, is used by its name alone.
    Everyone sees the same list, so commands for administrators are not in it: they are said in
    words.
    """
    commands = [_command(name, text) for name, text in DESCRIPTIONS.items()]
    for name, module in registry.open_to("user").modules.items():
        if not NAME.fullmatch(name) or name in RESERVED:
            logger.warning("the module %r can't be a slash command: its name is no good", name)
            continue
        options = [_subcommand(command) for command in _usable(module)]
        if _lone(module):
            options = options[0]["options"]
        commands.append(_command(name, module.description) | {"options": options})
    return commands


def _lone(module: CommandModule | None) -> str | None:
    """Return the one command of a module that is used by the module's name, or None."""
    names = [*module.commands] if module else []
    return names[0] if module and names in ([SHOW], [module.interaction_type]) else None


def _usable(module: CommandModule) -> list[Command]:
    usable = [command for name, command in module.commands.items() if NAME.fullmatch(name)]
    return usable[:MAX_OPTIONS]


def _command(name: str, description: str) -> dict[str, Any]:
    text = description[:DESCRIPTION_LENGTH]
    return {
        "type": COMMAND,
        "name": name,
        "description": text,
        "contexts": CONTEXTS,
        "integration_types": INSTALLED_BY,
    }


def _subcommand(command: Command) -> dict[str, Any]:
    fields = [field for field in command.spec.parsed_fields if NAME.fullmatch(field.name)]
    options = [_option(field, command) for field in sorted(fields, key=lambda f: not f.required)]
    return {
        "type": SUBCOMMAND,
        "name": command.spec.action,
        "description": command.spec.description[:DESCRIPTION_LENGTH],
        "options": options[:MAX_OPTIONS],
    }


def _option(field: FieldSpec, command: Command) -> dict[str, Any]:
    about = meaning(field)
    option: dict[str, Any] = {
        "type": TYPES[field.kind],
        "name": field.name,
        "description": f"{about[0].upper()}{about[1:]}"[:DESCRIPTION_LENGTH],
        "required": field.required,
    }
    if 0 < len(field.choices) <= MAX_OPTIONS:
        option["choices"] = [{"name": choice, "value": choice} for choice in field.choices]
    elif field.name in command.choices_from:
        option["autocomplete"] = True
    return option


def commands_of(agent: Agent) -> list[dict[str, Any]]:
    """Return the slash commands of an agent: those of its modules, and its own.

    An agent that knows no modules has no others.
    """
    commands = payload(agent.registry) if agent.registry.list_registered() else []
    if agent.remembers:
        commands.append(_command("forget", FORGET))
    if agent.models:
        choices = [{"name": name, "value": name} for name in agent.models[:MAX_OPTIONS]]
        option = {"type": TYPES["choice"], "name": "name", "description": "Which model"}
        option |= {"required": False, "choices": choices}
        commands.append(_command("model", CHOOSE) | {"options": [option]})
    return commands


async def sync(http: discord.http.HTTPClient, application_id: int, agent: Agent) -> None:
    """Tell Discord the commands where they differ from what it has: it limits changes by day."""
    wanted = commands_of(agent)
    known: Sequence[Any] = await http.get_global_commands(application_id)
    if _by_name(wanted) == _by_name(known):
        return
    await http.bulk_upsert_global_commands(application_id, wanted)
    logger.info("Discord was told %d slash commands", len(wanted))


def _by_name(commands: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    return {command["name"]: _plain(command) for command in commands}


def _plain(command: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what matters of a command or an option, which Discord completes with much else."""
    return (
        *(command[name] for name in ("type", "name", "description")),
        *(bool(command.get(name)) for name in ("required", "autocomplete")),
        command.get("contexts"),
        command.get("integration_types"),
        [(choice["name"], choice["value"]) for choice in command.get("choices") or ()],
        [_plain(option) for option in command.get("options") or ()],
    )


def read(data: Mapping[str, Any], registry: Registry) -> tuple[str, dict[str, Any], str]:
    """Return what was called, in words and as a parsed command, and the field that is typed in."""
    given = data.get("options") or []
    action = _lone(registry.open_to("user").modules.get(data["name"])) or SHOW
    if given and given[0]["type"] == SUBCOMMAND:
        action, given = given[0]["name"], given[0].get("options") or []
    values = {option["name"]: option["value"] for option in given}
    order = {"interaction_type": data["name"], "action": action, **values}
    focused = next((option["name"] for option in given if option.get("focused")), "")
    said = " ".join(f"{name}: {value}" for name, value in values.items())
    return f"/{data['name']} {action} {said}".rstrip(), order, focused
