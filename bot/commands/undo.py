"""Taking the last change back."""

from bot.framework.context import Context
from bot.framework.registry import CommandModule

changes = CommandModule("undo", "Your last change")


@changes.command(
    "undo",
    "undo (that|it|this)",
    "undo (the|my) last (change|order|thing|one)",
    "(take|put) (that|it|that one|the last one) back",
    "(revert|take back) [that|it|this|the last one|what i said]",
)
async def undo(ctx: Context) -> str:
    """Undo your last change."""
    return await ctx.take_back()
