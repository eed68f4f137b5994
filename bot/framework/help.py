"""What can be said, written for people: the help, the greeting and the courtesies."""

from collections.abc import Iterator, Mapping
from typing import Any

from ai.commands import NO, YES, CommandSpec
from ai.sentences import wording
from ai.sentences.templates import expansions
from bot.framework.registry import CommandModule, Registry
from bot.markdown import escape

HELP_WORDS = frozenset(
    {
        "help",
        "help me",
        "what can i say",
        "what can i do",
        "what can you do",
        "what do you do",
        "what can you help me with",
        "how does this work",
        "help please",
        "help me please",
        "please help",
        "please help me",
        "can you help me",
        "commands",
        "menu",
        "",  # a lone question mark
    }
)
CALLS_FOR_HELP = HELP_WORDS - {"commands", "menu", ""}
"""The ones that are no answer to any question."""

LAST_OF_HELP = "“Cancel” ends any question of mine, “log out” ends your session."
LAST_FOR_STRANGERS = "“Log in”, or “register” for an account, comes before all of these."

COURTESIES = {
    "hello": "Hello, {name}! What can I do for you?",
    "good morning": "Good morning, {name}! What can I do for you?",
    "good evening": "Good evening, {name}! What can I do for you?",
    "good night": "Good night, {name}!",
    "thank you": "You're welcome, {name}.",
    "bye": "Goodbye, {name}! You stay logged in; say “log out” to change that.",
    "how are you": "I'm fine, thank you, {name}. What can I do for you?",
    "who are you": "I'm a bot, {name}: tell me what you want in plain words. **Help** says what.",
    "sorry": "No harm done, {name}.",
    "cancel": "There is nothing to cancel, {name}. I'm not waiting for an answer.",
    "yes": "I'm not waiting for an answer, {name}. What can I do for you?",
}
ANSWERS = frozenset({"yes", *(YES | NO), "ok then", "alright", "all right", "fine", "maybe"})
"""What may answer a question that a model has asked."""
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
    "ty": "thank you",
    "cheers": "thank you",
    "good bot": "thank you",
    "how are you doing": "how are you",
    "how's it going": "how are you",
    "what are you": "who are you",
    "are you a bot": "who are you",
    "what's your name": "who are you",
    "oops": "sorry",
    "no worries": "sorry",
    "goodbye": "bye",
    "see you": "bye",
    "never mind": "cancel",
    "nevermind": "cancel",
    "forget it": "cancel",
}


def courtesy(words: str, *, asked: bool = False) -> str | None:
    """Return the polite answer to small talk, with `{name}` for the user's name, or None.

    `asked` says that a model has asked something last, which "yes" may answer.
    """
    words = words.removesuffix(" bot") if words != "good bot" else words
    if words in ANSWERS:
        return None if asked else COURTESIES["yes"]
    return COURTESIES.get(SAME_AS.get(words, words))


def example(spec: CommandSpec, sentence: str | None = None) -> str:
    """Return a sentence of a command, the first one unless told, as a person would say it."""
    values = {
        field.name: field.sample or f"<{field.name.replace('_', ' ')}>" for field in spec.fields
    }
    words = next(expansions(spec, sentence or spec.sentences[0]))
    return " ".join(values[word[1:-1]] if word[0] == "{" else word for word in words)


def in_words(order: Mapping[str, Any], registry: Registry) -> str:
    """Say an order in the words of one of its command's sentences."""
    key = (str(order.get("interaction_type")), str(order.get("action")))
    spec = next((spec for spec in registry.specs if spec.key == key), None)
    if spec is None:
        return " ".join(key)
    return wording.in_words(spec, order)


def examples(spec: CommandSpec) -> Iterator[str]:
    """Yield the first sentence of a command, and each that says something more."""
    shown: set[str] = set()
    for sentence in spec.sentences:
        slots = set(next(expansions(spec, sentence))) & {
            f"{{{field.name}}}" for field in spec.fields
        }
        if sentence == spec.sentences[0] or slots - shown:
            yield example(spec, sentence)
        shown |= slots


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
