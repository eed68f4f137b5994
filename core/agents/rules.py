"""When an agent answers, in words; the rules themselves are the bot's."""

from collections.abc import Mapping
from typing import Any

from core.agents.tables import UNREADABLE

MAX_NAMED = 10  # numbers in one sentence


def in_words(answers: Mapping[str, Any]) -> list[str]:
    """Return sentences that say whom an agent answers, and where; what is left out is as usual."""
    if UNREADABLE in answers:
        return ["Its rules can't be read, so it answers nobody."]
    return [_direct(answers), *_servers(answers)]


def _direct(answers: Mapping[str, Any]) -> str:
    who = answers.get("direct_messages", "everyone")
    if who == "off":
        return "It answers no direct messages."
    if who == "listed":
        users = answers.get("users") or ()
        return f"It answers direct messages of {_named('the user', users, 'nobody')}."
    return "It answers everybody's direct messages."


def _servers(answers: Mapping[str, Any]) -> list[str]:
    guilds = answers.get("guilds") or ()
    if answers.get("listed_guilds_only") and not guilds:
        return ["It answers in no server."]
    where = _named("the server", guilds, "all servers")
    if channels := answers.get("channels"):
        where += f", there in {_named('the channel', channels)} and its threads"
    whom = _named("who has the role", answers.get("roles") or (), "everyone")
    called = [
        words
        for words, rule in (("mentions it", "mention"), ("replies to it", "reply"))
        if answers.get(rule, True)
    ]
    how = " or ".join([*called, "uses its commands"])
    told = [f"In {where} it answers {whom}, where the person {how}."]
    if open_channels := answers.get("without_mention"):
        told.append(f"It answers everything in {_named('the channel', open_channels)}.")
        if answers.get("threads"):
            told.append("It opens a thread for each conversation there, and follows it.")
    return told


def _named(what: str, numbers: Any, none: str = "") -> str:  # noqa: ANN401 - as it was written
    """Name some of Discord's numbers: the channels 1, 2 and 30 more."""
    many = [str(number) for number in numbers] if isinstance(numbers, list | tuple) else []
    if not many:
        return none
    shown, more = many[:MAX_NAMED], len(many) - MAX_NAMED
    listed = ", ".join(shown) + (f" and {more} more" if more > 0 else "")
    return f"{what}{'s' if len(many) > 1 else ''} {listed}"
