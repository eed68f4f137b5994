"""What you have used of the language model today."""

from datetime import datetime

from bot.framework.context import Context
from bot.framework.registry import CommandModule
from bot.phrasing import on_the_clock

usage = CommandModule("usage", "Your use of the language model")


@usage.command(
    "show my usage",
    "[show [me]] [my] usage",
    "how much have i (used|spent) [today]",
    "how many tokens (have i used|do i have left|are left) [today]",
    "how much (may|can) i [still] use [today]",
    for_models=False,
)
async def show(ctx: Context) -> str:
    """Show what you have used of the language model today."""
    used = await ctx.api.get("/api/usage")
    tokens = used["prompt_tokens"] + used["completion_tokens"]
    cost = f", for about ${used['cost']:.4f}" if used["cost"] else ""
    again = on_the_clock(datetime.fromisoformat(used["resets_at"]), ctx.now, ctx.zone)
    return (
        f"Today I have asked the language model {_of(used['requests'], used['request_limit'])} "
        f"times for you, with {_of(tokens, used['token_limit'])} tokens{cost}. "
        f"I count from zero again {again}.\n"
        "What I understand without it costs nothing."
    )


def _of(number: int, limit: int) -> str:
    return f"{number:,} of {limit:,}" if limit else f"{number:,}"
