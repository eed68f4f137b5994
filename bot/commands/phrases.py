"""Phrases of a person's own, which a yes has taught: "when I say ... I mean ..."."""

from typing import Annotated

from ai.sentences.wording import in_words
from bot.api.phrases import PATH, Phrases, phrase_of
from bot.framework.context import Context, Declined
from bot.framework.fields import About
from bot.framework.registry import CommandModule, registry
from bot.markdown import named

phrases = CommandModule("phrase", "Your own phrases")


@phrases.command(
    "show my phrases",
    "(list|show) [me] my [own] phrases",
    "(what|which) phrases (have i taught you|do you know)",
    "what (have i taught|did i teach) you",
    for_models=False,
)
async def show(ctx: Context) -> str:
    """Show what you have taught me to understand."""
    rows = await ctx.api.get_all(PATH)
    if not rows:
        return "You have taught me no phrases yet. A “yes” to “Do you mean ...?” teaches me one."
    specs = {spec.key: spec for spec in registry.specs}
    lines = []
    for row in rows:
        keys = [(one.get("interaction_type"), one.get("action")) for one in row["orders"]]
        said = [
            named(in_words(specs[key], order)) if key in specs else "something I no longer know"
            for key, order in zip(keys, row["orders"], strict=True)
        ]
        lines.append(f"• {named(row['phrase'])}: {', and '.join(said)}")
    return "\n".join(["When you say, I do:", *lines])


@phrases.command(
    "forget the phrase {phrase}",
    "(forget|delete|remove) [the|my] phrase {phrase}",
    for_models=False,
)
async def forget(
    ctx: Context, phrase: Annotated[str, About("the phrase", example="need milk")]
) -> str:
    """Forget one of your phrases."""
    rows = await ctx.api.get_all(PATH)
    found = next((row for row in rows if row["phrase"] == phrase_of(phrase)), None)
    if found is None:
        raise Declined(f"You have taught me no phrase {named(phrase)}. Say “show my phrases”.")
    await ctx.api.delete(f"{PATH}/{found['id']}")
    return f"I have forgotten {named(found['phrase'])}."


@phrases.command(
    "forget my phrases",
    "(forget|delete|remove) all [of] my phrases",
    confirm="Forget all of your phrases?",
    for_models=False,
)
async def forget_all(ctx: Context) -> str:
    """Forget all of your phrases."""
    forgotten = await Phrases(ctx.api).forget()
    return f"I have forgotten {forgotten} phrase{'' if forgotten == 1 else 's'}."
