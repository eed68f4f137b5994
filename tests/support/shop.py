"""A domain with a command of every kind, for tests of the conversation."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import pytest

from ai.commands import Catalogue, Parsed, from_dicts
from ai.config import get_ai_config
from ai.llm.clients.openai_completions import OpenAICompatible
from ai.parser import Parser
from ai.sentences.references import NO_REFERENCES, References
from bot.api.sessions import Turn
from bot.framework.context import Context
from bot.framework.fields import About, Secret, When
from bot.framework.registry import CommandModule
from tests.support.chat import Person, World
from tests.support.model_server import ModelServer

shop = CommandModule("shop", "The *shop*")


@shop.command("order", "order {number} {thing}", "order {thing} for {due}")
async def order(
    ctx: Context,
    thing: Annotated[str, About("the thing", example="apples")],
    number: int = 1,
    size: Literal["small", "large"] = "small",
    due: When | None = None,
) -> str:
    """Order something."""
    return f"{number} {size} {thing}{ctx.when(due)}"


@shop.command("deliver {thing}", "when is {thing} delivered")
async def deliver(ctx: Context, thing: str, due: Annotated[When, About("it wanted")]) -> str:
    """Have something delivered."""
    return f"{thing}{ctx.when(due)}"


@shop.command("pay {amount}")
async def pay(ctx: Context, amount: int, pin: Annotated[Secret, About("PIN")]) -> str:
    """Pay."""
    assert pin == " 12 34"
    return f"Paid {amount}."


@shop.command("close {thing}", confirm="Close {thing}?")
async def close(ctx: Context, thing: str) -> str:
    """Close something."""
    return f"Closed {thing}."


@shop.command("wait")
async def wait(ctx: Context) -> str:
    """Wait for something to happen, and say nothing."""
    await ctx.say("Waiting …")
    return ""


@shop.command("leave the shop")
async def leave(ctx: Context) -> str:
    """Log out."""
    await ctx.log_out()
    return "Goodbye."


@shop.command("break {thing}")
async def smash(ctx: Context, thing: str) -> str:
    """Fail."""
    try:
        raise KeyError(thing)
    except KeyError as error:
        raise ValueError(f"can't break {thing}") from error


@shop.command("fetch {path}")
async def fetch(ctx: Context, path: str) -> str:
    """Ask the API for something that it does not have."""
    return str(await ctx.api.get(f"/api/{path}"))


class Listening(Parser):
    """The parser, and what it was given."""

    def __init__(self) -> None:
        specs = Catalogue()
        specs.add(*(command.spec for command in shop.commands.values()))
        super().__init__(specs, get_ai_config(), None)
        self.texts: list[str] = []
        self.histories: list[Sequence[Turn]] = []
        self.recalls: list[References] = []

    async def parse_all(
        self,
        text: str,
        interaction_type: str = "command",
        history: Sequence[Turn] = (),
        *,
        references: References = NO_REFERENCES,
        **options: Any,  # noqa: ANN401 - the parser's others
    ) -> Parsed:
        self.texts.append(text)
        self.histories.append(history)
        self.recalls.append(references)
        return from_dicts(await self.understand(text, references))

    async def understand(self, text: str, references: References) -> list[dict[str, Any]]:
        """Find out what was meant."""
        found = await super().parse_all(text, references=references)
        return [one.as_dict() for one in (found if isinstance(found, tuple) else (found,))]


class Always(Listening):
    """One that understands the same each time."""

    def __init__(self, *orders: dict[str, Any]) -> None:
        super().__init__()
        self.orders = orders

    async def understand(self, text: str, references: References) -> list[dict[str, Any]]:
        return [dict(order) for order in self.orders]


@pytest.fixture
def listening() -> Listening:
    """The parser of the customer's shop."""
    return Listening()


@pytest.fixture
async def customer(world: World, chat: Person, listening: Listening) -> Person:
    """Someone who is logged in, and talks to a shop."""
    await world.know(shop, parser=listening)
    return chat


def model(server: ModelServer) -> OpenAICompatible:
    """Return the real client, for the scripted model."""
    return OpenAICompatible(server.base_url, "key", "test-model")
