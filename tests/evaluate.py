"""How well the parser understands: `python -m tests.evaluate` (or `make eval`).

Runs the utterances of tests/domains/ through the sentences alone and, where OPENROUTER_API_KEY is
set, through the whole chain with that model. Ends with 1 where a sentence matched wrongly.
"""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from statistics import quantiles
from typing import Any

import yaml

from ai.commands import catalogue
from ai.config import get_ai_config
from ai.llm.registry import model_of
from ai.llm.types import ChatModel, Message, Reply, Usage
from ai.parser import Parser
from ai.sentences.references import References
from bot.framework.registry import load_commands
from config.settings import get_settings

DOMAINS = Path(__file__).parent / "domains"
AT_ONCE = 8  # requests that a model gets at the same time

Command = dict[str, Any]


@dataclass(frozen=True)
class Utterance:
    """Something a person says, and the commands that it means, none where it means none."""

    domain: str
    text: str
    expected: tuple[Command, ...] = ()
    is_beyond: bool = False  # no sentence covers it: without a model it must be a miss
    history: tuple[tuple[str, Command], ...] = ()
    shown: tuple[str, ...] = ()

    @property
    def references(self) -> References:
        """What came before, as the conversation would tell it."""
        last = self.history[-1][1] if self.history else None
        return References(last if last and "action" in last else None, self.shown)


@dataclass
class Score:
    """How the utterances of a domain were understood."""

    right: int = 0
    missed: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    tokens: int = 0

    def include(self, other: "Score") -> None:
        """Add another score."""
        self.right += other.right
        self.missed += other.missed
        self.tokens += other.tokens
        self.wrong += other.wrong
        self.seconds += other.seconds

    def add(self, utterance: Utterance, found: Sequence[Command], seconds: float) -> None:
        """Count one utterance."""
        self.seconds.append(seconds)
        if [*found] == [*utterance.expected]:
            self.right += 1
        elif not found:
            self.missed += 1
        else:
            self.wrong.append(f"{utterance.text!r} was taken for {found}")


def utterances() -> Iterator[Utterance]:
    """Read every utterance; raises ValueError for one that is written wrongly."""
    for path in sorted(DOMAINS.rglob("sentences*.yaml")):
        for case in yaml.safe_load(path.read_text("utf-8")):
            unknown = case.keys() - {"say", "is", "beyond", "after", "shown"}
            if unknown or "is" not in case:
                raise ValueError(f"{path}: {case} needs say and is, and knows no {unknown}")
            means = case["is"] or []
            yield Utterance(
                _domain(path),
                case["say"],
                tuple(_command(**one) for one in (means if isinstance(means, list) else [means])),
                case.get("beyond", False),
                tuple((said, _command(**made)) for said, made in case.get("after", ())),
                tuple(case.get("shown", ())),
            )


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
        self.model, self.usage = model, Usage()

    async def complete(
        self, messages: Sequence[Message], schema: dict[str, Any] | None = None
    ) -> Reply:
        """Pass a request on."""
        reply = await self.model.complete(messages, schema)
        self.usage += reply.usage
        return reply

    async def aclose(self) -> None:
        """Close the model."""
        await self.model.aclose()


async def evaluate(model: ChatModel | None = None) -> dict[str, Score]:
    """Run every utterance, with sentences alone or with a model, and score them by domain."""
    load_commands()
    counting = CountingModel(model) if model else None
    parser = Parser(catalogue, get_ai_config(), counting)
    await parser.parse("list my tasks")  # the first one pays for what is cached
    slots = asyncio.Semaphore(AT_ONCE if model else 1)
    scores: dict[str, Score] = {}

    async def one(utterance: Utterance) -> None:
        async with slots:
            started = time.perf_counter()
            found = await parser.parse_all(
                utterance.text, history=utterance.history, references=utterance.references
            )
            seconds = time.perf_counter() - started
        score = scores.setdefault(utterance.domain, Score())
        orders = found if isinstance(found, tuple) else ()
        score.add(utterance, [order.as_dict() for order in orders], seconds)

    for domain, said in groupby(utterances(), key=lambda utterance: utterance.domain):
        before = counting.usage if counting else Usage()
        await asyncio.gather(*map(one, said))
        if counting:
            scores[domain].tokens = counting.usage.total - before.total
    return scores


def report(title: str, scores: dict[str, Score]) -> Iterator[str]:
    """Yield the lines of a table, and what was wrong below it."""
    yield f"{title:32}{'right':>8}{'wrong':>8}{'missed':>8}{'tokens':>8}{'p50 ms':>9}{'p99 ms':>9}"
    everything = Score()
    for domain, score in [*scores.items(), ("all", everything)]:
        cuts = quantiles(score.seconds, n=100, method="inclusive")
        yield (
            f"{domain:32}{score.right:8}{len(score.wrong):8}{score.missed:8}{score.tokens:8}"
            f"{cuts[49] * 1000:9.2f}{cuts[98] * 1000:9.2f}"
        )
        if score is not everything:
            everything.include(score)
    yield from (f"  wrong: {line}" for line in everything.wrong)


async def main() -> int:
    """Print the tables; return 1 where a sentence matched wrongly, else 0."""
    local = await evaluate()
    lines = [*report("sentences alone", local)]
    config = get_ai_config()
    if model := model_of(get_settings(), config):
        try:
            lines += ["", *report(config.model, await evaluate(model))]
        finally:
            await model.aclose()
    else:
        lines += ["", "With OPENROUTER_API_KEY set, the model is measured too."]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(any(score.wrong for score in local.values()))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
