"""What can be said, written for people: the help, the greeting and the courtesies."""

from hassil.expression import Alternative, Expression, Group, ListReference, TextChunk
from hassil.parse_expression import parse_sentence

from ai.catalogue import CommandSpec, FieldKind
from bot.command_registry import Registry
from bot.text import escape

HELP_WORDS = frozenset(
    {
        "help",
        "help me",
        "what can i say",
        "what can i do",
        "what can you do",
        "what do you do",
        "commands",
        "menu",
    }
)
COURTESIES = {
    "hello": "Hello, {name}! What can I do for you?",
    "good morning": "Good morning, {name}! What can I do for you?",
    "good evening": "Good evening, {name}! What can I do for you?",
    "good night": "Good night, {name}!",
    "thank you": "You're welcome, {name}.",
    "bye": "Goodbye, {name}! You stay logged in; say “log out” to change that.",
    "cancel": "There is nothing to cancel, {name}. I'm not waiting for an answer.",
}
SAME_AS = {
    "hi": "hello",
    "hey": "hello",
    "hi there": "hello",
    "hello there": "hello",
    "good afternoon": "hello",
    "thanks": "thank you",
    "thanks a lot": "thank you",
    "thank you very much": "thank you",
    "thx": "thank you",
    "goodbye": "bye",
    "see you": "bye",
    "never mind": "cancel",
    "nevermind": "cancel",
    "forget it": "cancel",
}
EXAMPLES: dict[FieldKind, str] = {
    "when": "tomorrow at 5pm",
    "integer": "3",
    "number": "2.5",
    "boolean": "yes",
}
GREETING_EXAMPLES = 3


def courtesy(words: str) -> str | None:
    """Return the polite answer to small talk, with `{name}` for the user's name, or None."""
    return COURTESIES.get(SAME_AS.get(words, words))


def example(spec: CommandSpec) -> str:
    """Return a command's first sentence as a person would say it."""
    values = {
        field.name: field.example
        or EXAMPLES.get(field.kind)
        or next(iter(field.choices), f"<{field.name.replace('_', ' ')}>")
        for field in spec.fields
    }
    return " ".join(_spoken(parse_sentence(spec.sentences[0]).expression, values).split())


def _spoken(part: Expression, values: dict[str, str]) -> str:
    """Say a template: the first of several ways, without what is optional."""
    if isinstance(part, TextChunk):
        return part.original_text
    if isinstance(part, ListReference):
        return values.get(part.list_name, "")
    if isinstance(part, Alternative):
        return "" if part.is_optional else _spoken(part.items[0], values)
    if isinstance(part, Group):
        return "".join(_spoken(item, values) for item in part.items)
    raise TypeError(f"a sentence can't have a {type(part).__name__}")


def full_help(registry: Registry) -> str:
    """List by module what can be said, with one example a command."""
    blocks = ["Talk to me in your own words. For example:"]
    for module in registry.modules.values():
        lines = [f"**{escape(module.description)}**"]
        lines += [f"• {escape(example(command.spec))}" for command in module.commands.values()]
        blocks.append("\n".join(lines))
    raw = [name for name in registry.list_registered() if name not in registry.modules]
    if raw:
        blocks.append(f"I also know about: {escape(', '.join(raw))}.")
    blocks.append("“Cancel” ends any question of mine, “log out” ends your session.")
    return "\n\n".join(blocks)


def modules(registry: Registry) -> str:
    """Name everything that is registered, for a sentence."""
    return ", ".join(f"**{escape(name)}**" for name in registry.list_registered())


def greeting(name: str, registry: Registry) -> str:
    """Welcome a person who has just logged in, and say what they can do."""
    lines = [
        f"Hello, {name}! You are logged in. I know about {modules(registry)}. For example, say:"
    ]
    firsts = [next(iter(module.commands.values())) for module in registry.modules.values()]
    lines += [f"• {escape(example(command.spec))}" for command in firsts[:GREETING_EXAMPLES]]
    lines.append("Say **help** for everything I understand.")
    return "\n".join(lines)
