"""Taking the last change back."""

from bot.framework.context import Context
from bot.framework.registry import CommandModule

changes = CommandModule("undo", "Your last change")


@changes.command(
    "undo",
    "undo (that|it|this)",
    "undo (the|my) last (change|order|thing|one)",
    "undo what (you|i) [just] did",
    "undo (the last thing|the thing|what) (you|i) [just] (did|added|deleted|changed|said)",
    "(take|put) (that|it|that one|the last one) back",
    "(revert|take back) [that|it|this|the last one|what i said]",
    near=(
        "[no] (i|we) did not [do (it|that)|finish (it|that)|mean (it|that|to)] [yet]",
        "[no] (i|we) have not [done (it|that)] [yet]",
        "(that|this|it) was (wrong|a mistake|an accident)",
        "[that is|that was] not what i (meant|wanted|said|asked [for])",
        "i did that by (accident|mistake)",
    ),
)
async def undo(ctx: Context) -> str:
    """Undo your last change."""
    return await ctx.take_back()
