"""The smallest domain: things with a name. Copy this file, and change the names.

A command module is found by itself: no other file names it. `api/routes/example.py` is the side
that keeps the rows.
"""

from typing import Annotated

from bot.framework.context import Context
from bot.framework.fields import About
from bot.framework.registry import CommandModule
from bot.markdown import named

# What the parser calls this domain, and what people see above its sentences in the help.
examples = CommandModule("example", "Examples")


# The sentences are what people can say. {name} is the parameter below; (a|b) are alternatives,
# [a] may be left out. The function's name is the action, the docstring explains it.
@examples.command("add an example called {name}", "(make|create) an example called {name}")
async def add(
    ctx: Context,
    # About says what the field means (the bot asks "What is ...?" where it was not said), and shows
    # one value in the help.
    name: Annotated[str, About("the example's name", example="first try")],
) -> str:
    """Add an example."""
    # ctx.api is the API with the user's own token; a refusal reaches the user by itself.
    example = await ctx.api.post("/api/example", {"name": name})
    # What a user wrote goes through `named` or `escape`, so that no Markdown in it takes effect.
    return f"Added {named(example['name'])}."


@examples.command("list my examples", "show [me] my examples", "what examples do i have")
async def show(ctx: Context) -> str:
    """Show your examples."""
    rows = await ctx.api.get_all("/api/example")
    if not rows:
        return "You have no examples yet."
    return "Your examples:\n" + "\n".join(f"• {named(row['name'])}" for row in rows)
