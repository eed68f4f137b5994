"""What can be said, written for people: the help and the greeting."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ai.commands import CommandSpec
from ai.sentences import wording
from ai.sentences.templates import expansions
from bot.framework.registry import CommandModule, Registry
from bot.markdown import escape

_CALL = re.compile(
    r"(?:please )?help(?: me)?(?: out)?(?: please)?|(?:can|could) you help(?: me)?(?: please)?"
    r"|(?:i need|i want)(?: some)? help|show me what you can do|what do you do"
    r"|what (?:else )?(?:can|could) (?:you|u|i|we) (?:do|say|ask|tell|help me with)"
    r"(?: you)?(?: for me| here)?"
    r"|what are you (?:for|good for|able to do|capable of)|what are (?:your|the) commands"
    r"|what(?:'s| is) this(?: bot)?(?: for)?"
    r"|what commands (?:are there|do you (?:have|know|understand))"
    r"|how (?:does|do|can|should) (?:this|it|you|i use (?:this|you|it))(?: bot)?(?: work)?"
    r"|(?:show|list|give)(?: me)?(?: the| your| all)* (?:commands|help|menu)"
)
_NAMES = frozenset({"commands", "menu", ""})
"""Calls for help that may answer a question as well; the last one is a lone question mark."""

LAST_OF_HELP = "“Cancel” ends any question of mine, “log out” ends your session."
LAST_FOR_STRANGERS = "“Log in”, or “register” for an account, comes before all of these."


def calls_for_help(words: str, *, in_answer: bool = False) -> bool:
    """Say whether normalised words ask what can be said; `in_answer` to a question, for certain."""
    return bool(_CALL.fullmatch(words)) or (words in _NAMES and not in_answer)


def example(spec: CommandSpec, sentence: str | None = None) -> str:
    """Return a sentence of a command, the first one unless told, as a person would say it."""
    values = {
        field.name: field.sample or f"<{field.name.replace('_', ' ')}>" for field in spec.fields
    }
    words = next(expansions(spec, sentence or spec.sentences[0]))
    return wording.joined(values[word[1:-1]] if word[0] == "{" else word for word in words)


def in_words(order: Mapping[str, Any], registry: Registry) -> str:
    """Say an order in the words of one of its command's sentences."""
    key = (str(order.get("interaction_type")), str(order.get("action")))
    spec = next((spec for spec in registry.specs if spec.key == key), None)
    if spec is None:
        return " ".join(key)
    return wording.in_words(spec, order)


def examples(spec: CommandSpec) -> Iterator[str]:
    """Yield the first sentence of a command, and each that says something more."""
    yield from (example(spec, sentence) for sentence, _ in wording.shown(spec))


def full_help(registry: Registry, *, logged_in: bool = True) -> str:
    """List by module what can be said, and how to end, or for strangers how to begin."""
    blocks = ["Talk to me in your own words. For example:"]
    for module in _largest_first(registry):
        said = [text for found in module.commands.values() for text in examples(found.spec)]
        lines = [f"**{escape(module.description)}**", *(f"• {escape(text)}" for text in said)]
        blocks.append("\n".join(lines))
    raw = [name for name in registry.list_registered() if name not in registry.modules]
    if raw:
        blocks.append(f"I also know about: {escape(', '.join(raw))}.")
    blocks.append(LAST_OF_HELP if logged_in else LAST_FOR_STRANGERS)
    return "\n\n".join(blocks)


def module_names(registry: Registry) -> str:
    """Name everything that is registered, for a sentence: the largest modules first."""
    modules = [module.interaction_type for module in _largest_first(registry)]
    names = [f"**{escape(name)}**" for name in dict.fromkeys(modules + registry.list_registered())]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]])) or "nothing"


def greeting(name: str, registry: Registry) -> str:
    """Welcome a person who has just logged in, and say what they can do."""
    modules = _largest_first(registry)
    said = [example(found.spec) for found in [*modules[0].commands.values()][:2]] if modules else []
    hint = (
        f"Say, for example, {' or '.join(f'“{escape(text)}”' for text in said)}. " if said else ""
    )
    return (
        f"Hello, {name}! You are logged in. I can help you with {module_names(registry)}.\n"
        f"{hint}“Help” lists everything that you can say."
    )


def _largest_first(registry: Registry) -> list[CommandModule]:
    """Return the modules, the ones that people have most to say to first."""

    def sentences(module: CommandModule) -> int:
        return sum(len(command.spec.sentences) for command in module.commands.values())

    return sorted(registry.modules.values(), key=sentences, reverse=True)
