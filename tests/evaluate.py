"""How well the parser understands: `python -m tests.evaluate` (or `make eval`).

Runs the utterances of tests/domains/ through the sentences alone and, where OPENROUTER_API_KEY is
set, through the whole chain with that model. `--sample 40 --seed 1` measures that model alone
instead, on 40 of them, without the sentences. `--file PATH` takes the utterances of a file of
your own instead, written as those are; `or: [...]` beside `is` are other readings that are right.
Ends with 1 where a sentence matched wrongly.
"""

import argparse
import asyncio
import random
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from statistics import quantiles
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from ai.commands import (
    Catalogue,
    Clarification,
    NotUnderstood,
    Offer,
    Parsed,
    ParsedCommand,
    catalogue,
)
from ai.config import COMMAND, get_ai_config
from ai.extraction.examples import nearest
from ai.extraction.prompt import examples, manual, opening
from ai.llm.chat import tokens
from ai.llm.registry import model_of
from ai.llm.types import Answer, ChatModel, Said, Usage
from ai.parser import Parser
from ai.sentences.explain import candidates
from ai.sentences.matcher import matcher_of
from ai.sentences.references import References
from ai.times.recurrence import is_recurring, resolve_recurring
from ai.times.resolve import UnclearTime, resolve
from bot.framework.registry import load_commands
from cli.agents.yaml_files import SafeLoader
from config.settings import get_settings

DOMAINS = Path(__file__).parent / "domains"
WORST_SHOWN = 20
AT_ONCE = 8  # requests that a model gets at the same time

Command = dict[str, Any]


@dataclass(frozen=True)
class Utterance:
    """Something a person says, and the commands that it means, none where it means none."""

    domain: str
    text: str
    expected: tuple[Command, ...] = ()
    language: str = "en"
    is_beyond: bool = False  # no sentence covers it: without a model it must be a miss
    history: tuple[tuple[str, Command], ...] = ()
    shown: tuple[str, ...] = ()
    others: tuple[tuple[Command, ...], ...] = ()  # readings that are right as well

    def is_meant(self, found: Sequence[Command]) -> bool:
        """Say whether commands are what is meant, in whichever words."""
        said = [_meaning(one) for one in found]
        return any(
            said == [_meaning(one) for one in meant] for meant in (self.expected, *self.others)
        )

    @property
    def references(self) -> References:
        """What came before, as the conversation would tell it."""
        last = self.history[-1][1] if self.history else None
        return References(last if last and "action" in last else None, self.shown)

    async def is_there(self, order: ParsedCommand) -> bool:
        """Say whether the person has what an order names: only those who order have such things."""
        command = load_commands().modules[order.interaction_type].commands[order.action or ""]
        return bool(self.expected) or command.choices_from.keys().isdisjoint(order.values)

    def invented(self, command: Command) -> list[str]:
        """Return the fields of a wrong command of which no word was said or shown."""
        known = _words(f"{self.text} {self.history} {self.shown}")
        told = [{}, *self.expected]
        return [
            name
            for name, value in command.items()
            if name not in ("interaction_type", "action")
            and not any(one.get(name) == value for one in told)
            and known.isdisjoint(_words(str(value)))
        ]


NOW = datetime(2031, 5, 14, 10, 20, tzinfo=UTC)  # a wednesday
ARTICLE = re.compile(r"^(?:the|a|an|my|our|some|to) ", re.IGNORECASE)


def _meaning(command: Command) -> Command:
    """Return a command with its times as what they name, and its texts in one spelling."""
    load_commands()
    key = (command.get("interaction_type"), command.get("action"))
    spec = next((one for one in catalogue if one.key == key), None)
    times = {one.name for one in spec.fields if one.is_time} if spec else set()
    return {
        name: _moment(str(value)) if name in times else _plain(value)
        for name, value in command.items()
    }


def _moment(words: str) -> object:
    try:
        zone = ZoneInfo("UTC")
        return (resolve_recurring if is_recurring(words) else resolve)(words, zone, NOW)
    except UnclearTime:
        return _plain(words)


def _plain(value: object) -> object:
    return ARTICLE.sub("", value.casefold()) if isinstance(value, str) else value


def _words(text: str) -> set[str]:
    return {*re.findall(r"\w+", text.casefold())}


@dataclass
class Score:
    """How the utterances of a domain were understood."""

    right: int = 0
    missed: list[str] = field(default_factory=list)  # with why
    offered: int = 0  # what was meant, for a yes
    misled: list[str] = field(default_factory=list)  # offers of something else
    wrong: list[str] = field(default_factory=list)
    invented: int = 0  # values in wrong commands that nobody said
    seconds: list[float] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)  # one a request

    def include(self, other: "Score") -> None:
        """Add another score."""
        self.right += other.right
        self.offered += other.offered
        self.misled += other.misled
        self.missed += other.missed
        self.invented += other.invented
        self.usages += other.usages
        self.wrong += other.wrong
        self.seconds += other.seconds

    def add(
        self,
        utterance: Utterance,
        found: Sequence[Command],
        seconds: float,
        *,
        is_offer: bool = False,
        why: str = "",
    ) -> None:
        """Count one utterance; `why` is what was said instead of a command."""
        self.seconds.append(seconds)
        is_meant = utterance.is_meant(found)
        if is_offer and is_meant:
            self.offered += 1
        elif is_offer:
            self.misled.append(f"{utterance.text!r} was offered {found}{_meant(utterance)}")
        elif is_meant:
            self.right += 1
        elif not found:
            self.missed.append(f"{utterance.text!r}{f': {why}' if why else ''}")
        else:
            self.wrong.append(f"{utterance.text!r} was taken for {found}{_meant(utterance)}")
            self.invented += sum(len(utterance.invented(command)) for command in found)


def _meant(utterance: Utterance) -> str:
    return f", and means {[*utterance.expected]}" if utterance.expected else ""


def utterances(file: Path | None = None) -> Iterator[Utterance]:
    """Read every utterance, or those of one file; raises ValueError for one written wrongly."""
    for path in [file] if file else sorted(DOMAINS.rglob("sentences*.yaml")):
        for case in yaml.load(path.read_bytes(), SafeLoader):  # noqa: S506 - it is a safe one
            unknown = case.keys() - {"say", "is", "or", "in", "beyond", "after", "shown"}
            if unknown or not {"say", "is"} <= case.keys():
                raise ValueError(f"{path}: {case} needs say and is, and knows no {unknown}")
            yield Utterance(
                path.stem if file else _domain(path),
                str(case["say"]),
                _commands(case["is"]),
                case.get("in", "en"),
                case.get("beyond", False),
                tuple((said, _command(**made)) for said, made in case.get("after", ())),
                tuple(case.get("shown", ())),
                tuple(_commands(means) for means in case.get("or", ())),
            )


def _commands(means: Command | list[Command] | None) -> tuple[Command, ...]:
    """Read the commands that an utterance means; none for no order."""
    listed = means if isinstance(means, list) else [means] if means else []
    return tuple(_command(**one) for one in listed)


def _domain(path: Path) -> str:
    """Name a file: tasks/sentences_several.yaml is "tasks several"."""
    folder = path.parent.name if path.parent != DOMAINS else "no command"
    return f"{folder}{path.stem.removeprefix('sentences').replace('_', ' ')}"


def _command(command: str, **fields: Any) -> Command:  # noqa: ANN401 - any JSON
    kind, action = command.split()
    return {"interaction_type": kind, "action": action, **fields}


class CountingModel:
    """A model that adds up what it costs."""

    def __init__(self, model: ChatModel) -> None:
        self.model = model
        self.reset()

    def reset(self) -> None:
        """Begin again at nothing."""
        self.usages: list[Usage] = []

    async def complete(
        self, system: str, turns: Sequence[Said], schema: dict[str, Any] | None = None
    ) -> Answer:
        """Pass a request on."""
        reply = await self.model.complete(system, turns, schema)
        self.usages.append(reply.usage)
        return reply

    async def aclose(self) -> None:
        """Close the model."""
        await self.model.aclose()


async def evaluate(
    model: ChatModel | None = None,
    said: Iterable[Utterance] | None = None,
    *,
    is_alone: bool = False,
    by_language: dict[str, Score] | None = None,
) -> dict[str, Score]:
    """Run utterances, with sentences alone or with a model, and score them by domain.

    These are all where none are given. `is_alone` asks the model for everything, one at a time:
    so its time is that of one answer. `by_language` is filled with the same scores by language.
    """
    load_commands()
    counting = CountingModel(model) if model else None
    parser = Parser(catalogue, get_ai_config(), counting)
    if is_alone:
        parser._matcher = matcher_of(Catalogue())
    await parser.parse("show my account")  # the first one pays for what is cached
    slots = asyncio.Semaphore(AT_ONCE if model and not is_alone else 1)
    scores: dict[str, Score] = {}

    async def one(utterance: Utterance) -> None:
        async with slots:
            started = time.perf_counter()
            found = await parser.parse_all(
                utterance.text,
                history=utterance.history,
                references=utterance.references,
                is_there=utterance.is_there,
            )
            seconds = time.perf_counter() - started
        is_offer = isinstance(found, Offer)
        orders = found.orders if isinstance(found, Offer) else found
        made = [order.as_dict() for order in orders] if isinstance(orders, tuple) else []
        why = (
            ""
            if made or not utterance.expected
            else _why(utterance.text, found if counting else None)
        )
        score = scores.setdefault(utterance.domain, Score())
        score.add(utterance, made, seconds, is_offer=is_offer, why=why)
        if by_language is not None:
            score = by_language.setdefault(utterance.language, Score())
            score.add(utterance, made, seconds, is_offer=is_offer, why=why)

    for domain, group in groupby(said or utterances(), key=lambda utterance: utterance.domain):
        if counting:
            counting.reset()
        await asyncio.gather(*map(one, group))
        if counting:
            scores[domain].usages = [*counting.usages]
    return scores


def _why(text: str, answer: Parsed | None) -> str:
    """Return why nothing was found: what a model said, or where the nearest sentence parts."""
    if isinstance(answer, Clarification):
        return answer.question
    if isinstance(answer, NotUnderstood):
        return answer.problem
    nearest = next(iter(candidates(catalogue, text)), None)
    return f"{' '.join(nearest.spec.key)}: {nearest.why}" if nearest else "no command begins so"


def report(
    title: str, scores: dict[str, Score], by_language: dict[str, Score] | None = None
) -> Iterator[str]:
    """Yield the lines of a table, with tokens a request, and what was wrong below it."""
    heads = ("right", "wrong", "missed", "offered", "misled", "invented", "requests", "in", "out")
    yield f"{title:32}{''.join(f'{head:>9}' for head in heads)}{'p50 ms':>10}{'p99 ms':>10}"
    everything = Score()
    for domain, score in [*scores.items(), ("all", everything)]:
        cuts = quantiles(score.seconds * 2, n=100, method="inclusive")  # twice: one is too few
        asked, used = len(score.usages) or 1, sum(score.usages, Usage())
        yield (
            f"{domain:32}{score.right:9}{len(score.wrong):9}{len(score.missed):9}"
            f"{score.offered:9}{len(score.misled):9}{score.invented:9}"
            f"{len(score.usages):9}{used.prompt / asked:9.0f}{used.completion / asked:9.0f}"
            f"{cuts[49] * 1000:10.2f}{cuts[98] * 1000:10.2f}"
        )
        if score is not everything:
            everything.include(score)
    worst = [f"  wrong: {line}" for line in everything.wrong]
    worst += [f"  misled: {line}" for line in everything.misled]
    worst += [f"  missed: {line}" for line in everything.missed]
    yield from worst[:WORST_SHOWN]
    yield from _languages(by_language or {})
    if everything.usages:
        sizes = sorted(usage.completion for usage in everything.usages)
        most = max(usage.prompt for usage in everything.usages)
        yield (
            f"  tokens of a request: {most} in at most, "
            f"{sizes[len(sizes) // 2]} out at the median, {sizes[-1]} at most"
        )


def _languages(scores: dict[str, Score]) -> Iterator[str]:
    """Yield a line a language, where there are several."""
    for name, score in sorted(scores.items()) if len(scores) > 1 else ():
        every = (
            score.right + len(score.missed) + score.offered + len(score.wrong) + len(score.misled)
        )
        yield (
            f"  in {name}: {score.right} right and {score.offered} offered of {every}, "
            f"{len(score.wrong)} wrong, {len(score.misled)} misled, {len(score.missed)} missed"
        )


def prompt_size() -> tuple[int, int]:
    """Return how many commands a model is told of, and how many tokens its prompt is, estimated."""
    load_commands()
    specs, prompt = tuple(catalogue), get_ai_config().prompts[COMMAND]
    system, turns = opening(
        prompt, manual(specs), "", turns=examples(prompt, nearest(specs, "").shown)
    )
    size = tokens(system) + sum(tokens(turn.text) for turn in turns)
    return sum(spec.for_models for spec in specs), size


def sample(size: int, seed: int, file: Path | None = None) -> list[Utterance]:
    """Return some of the utterances, the same ones for a seed, in the order of their domains."""
    every = [*utterances(file)]
    chosen = random.Random(seed).sample(every, min(size, len(every)))  # noqa: S311 - no secret
    return sorted(chosen, key=lambda utterance: utterance.domain)


async def main(arguments: Sequence[str] = ()) -> int:
    """Print the tables; return 1 where a sentence matched wrongly, else 0."""
    options = argparse.ArgumentParser(prog="python -m tests.evaluate")
    options.add_argument("--sample", type=int, default=0, help="utterances for the model alone")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--file", type=Path, help="utterances of your own, as YAML")
    chosen = options.parse_args(arguments)
    told: dict[str, Score] = {}
    every = [*utterances(chosen.file)]
    local = await evaluate(said=every, by_language=told)
    lines = [*report("sentences alone", local, told)]
    lines += ["", "A model is told of {} commands in about {} tokens.".format(*prompt_size())]
    told = {}
    config = get_ai_config()
    if model := model_of(get_settings(), config):
        try:
            if chosen.sample > 0:
                some = sample(chosen.sample, chosen.seed, chosen.file)
                scores = await evaluate(model, some, is_alone=True, by_language=told)
                lines += ["", *report(f"alone, {len(some)}, seed {chosen.seed}", scores, told)]
            else:
                scores = await evaluate(model, every, by_language=told)
                lines += ["", *report(config.model, scores, told)]
        finally:
            await model.aclose()
    else:
        lines += ["", "With OPENROUTER_API_KEY set, the model is measured too."]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(any(score.wrong for score in local.values()))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
