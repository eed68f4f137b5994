"""Where reminders go besides this chat: a Discord webhook and an ntfy topic."""

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
    await ctx.api.put(PATH, {"discord_webhook": webhook.strip(), "discord_enabled": True})
    return "Reminders go to your Discord webhook too now."


@notifications.command(
    "set my ntfy topic to {topic}", "my ntfy topic is {topic}", "(set|change) my ntfy topic"
)
async def set_topic(
    ctx: Context, topic: Annotated[str, About("your ntfy topic", example="my-secret-topic")]
) -> str:
    """Send reminders to an ntfy topic too."""
    await ctx.api.put(PATH, {"ntfy_topic": topic, "ntfy_enabled": True})
    return f"Reminders go to the ntfy topic {escape(topic)} too now."


@notifications.command(
    "turn on {channel} notifications", "(enable|turn on|switch on) [my] {channel} [notifications]"
)
async def turn_on(ctx: Context, channel: Channel) -> str:
    """Send reminders to a channel again."""
    await ctx.api.put(PATH, {f"{channel}_enabled": True})
    return f"Reminders go to {channel} too now."


@notifications.command(
    "turn off {channel} notifications",
    "(disable|turn off|switch off) [my] {channel} [notifications]",
)
async def turn_off(ctx: Context, channel: Channel) -> str:
    """Send no more reminders to a channel."""
    await ctx.api.put(PATH, {f"{channel}_enabled": False})
    return f"Reminders don't go to {channel} any more."


def _state(known: bool, enabled: bool) -> str:
    return ("on" if enabled else "off") if known else "not set"
