"""Where reminders go besides this chat: a Discord webhook and an ntfy topic."""

from functools import partial
from typing import Annotated, Literal

from bot.command_registry import CommandModule
from bot.context import Context
from bot.fields import About, Secret
from bot.text import escape

Channel = Annotated[Literal["discord", "ntfy"], About("the channel", example="ntfy")]
PATH = "/api/notifications"

notifications = CommandModule("notification", "Your notifications")


@notifications.command(
    "show my notifications", "(list|show) [me] my notification (channels|settings)"
)
async def show(ctx: Context) -> str:
    """Show where reminders go besides this chat."""
    now = await ctx.api.get(PATH)
    webhook = _state(now["discord_webhook"], now["discord_enabled"])
    topic = _state(bool(now["ntfy_topic"]), now["ntfy_enabled"])
    name = f" ({escape(now['ntfy_topic'])})" if now["ntfy_topic"] else ""
    return f"Reminders come to this chat.\n• Discord webhook: {webhook}\n• ntfy{name}: {topic}"


@notifications.command("set my discord webhook", "(set|change) [my] [discord] webhook")
async def set_webhook(
    ctx: Context, webhook: Annotated[Secret, About("the webhook's address")]
) -> str:
    """Send reminders to a Discord webhook too."""
    if (await ctx.api.get(PATH))["discord_webhook"] and not await ctx.confirm(
        "You have a Discord webhook already, and I can't bring its address back. Replace it?"
    ):
        return "All right, it stays."
    await ctx.api.put(PATH, {"discord_webhook": webhook.strip(), "discord_enabled": True})
    return "Reminders go to your Discord webhook too now."


@notifications.command(
    "set my ntfy topic to {topic}", "my ntfy topic is {topic}", "(set|change) my ntfy topic"
)
async def set_topic(
    ctx: Context, topic: Annotated[str, About("your ntfy topic", example="my-secret-topic")]
) -> str:
    """Send reminders to an ntfy topic too."""
    before = await ctx.api.get(PATH)
    old, now = before["ntfy_topic"], {"ntfy_topic": topic, "ntfy_enabled": True}
    await ctx.api.put(PATH, now)
    replaced = f", no longer to {escape(old)}. “Undo” changes that back" if old else ""
    told = (
        f"Reminders go to the ntfy topic {escape(old)} again." if old else "ntfy is not set again."
    )
    ctx.undoable(told, partial(ctx.api.put, PATH, {name: before[name] for name in now}))
    return f"Reminders go to the ntfy topic {escape(topic)} too now{replaced}."


@notifications.command(
    "turn on {channel} notifications", "(enable|turn on|switch on) [my] {channel} [notifications]"
)
async def turn_on(ctx: Context, channel: Channel) -> str:
    """Send reminders to a channel again."""
    await _switch(ctx, channel, on=True)
    return f"Reminders go to {channel} too now."


@notifications.command(
    "turn off {channel} notifications",
    "(disable|turn off|switch off) [my] {channel} [notifications]",
)
async def turn_off(ctx: Context, channel: Channel) -> str:
    """Send no more reminders to a channel."""
    await _switch(ctx, channel, on=False)
    return f"Reminders don't go to {channel} any more."


async def _switch(ctx: Context, channel: str, *, on: bool) -> None:
    """Send reminders to a channel or not, which may be taken back."""
    enabled = f"{channel}_enabled"
    before = (await ctx.api.get(PATH))[enabled]
    await ctx.api.put(PATH, {enabled: on})
    ctx.undoable(f"{channel} is as it was before.", partial(ctx.api.put, PATH, {enabled: before}))


def _state(known: bool, enabled: bool) -> str:
    return ("on" if enabled else "off") if known else "not set"
