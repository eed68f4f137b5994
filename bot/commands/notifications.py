"""Where reminders go besides this chat, the hours in which they don't, and the daily digest."""

from functools import partial
from typing import Annotated, Literal, get_args
from urllib.parse import quote

from bot.framework.context import Context, Declined
from bot.framework.fields import About, Repeating, Secret
from bot.framework.registry import CommandModule
from bot.markdown import escape
from bot.messages import Button, Listing
from bot.phrasing import time_of_day

CHANNELS = Literal["discord", "ntfy"]
Channel = Annotated[CHANNELS, About("the channel", example="ntfy")]
PATH = "/api/notifications"
SWITCHES = {"on": "Turn off {} notifications", "off": "Turn on {} notifications"}

notifications = CommandModule("notification", "Your notifications")


@notifications.command(
    "show my notifications",
    "(list|show) [me] my notification (channels|settings)",
    "where do (my|the) (reminders|notifications) go [to]",
    "where do you send (my|the) (reminders|notifications)",
    for_models=False,
)
async def show(ctx: Context) -> str:
    """Show where reminders go besides this chat."""
    now = await ctx.api.get(PATH)
    webhook = _state(now["discord_webhook"], now["discord_enabled"])
    topic = _state(bool(now["ntfy_topic"]), now["ntfy_enabled"])
    name = f" ({escape(now['ntfy_topic'])})" if now["ntfy_topic"] else ""
    others = [f"{one['scheme']}: {_state(True, one['enabled'])}" for one in now["addresses"]]
    quiet = f"{now['quiet_from']} to {now['quiet_to']}" if now["quiet_from"] else "none"
    channels = [f"• Discord webhook: {webhook}", f"• ntfy{name}: {topic}"]
    hours, daily = f"• Quiet hours: {quiet}", f"• Daily digest: {now['digest_at'] or 'off'}"
    beside = [
        (line, SWITCHES[state].format(channel))
        for line, channel, state in zip(channels, get_args(CHANNELS), (webhook, topic), strict=True)
        if state in SWITCHES
    ]
    beside += [(hours, "Turn off quiet hours")] * bool(now["quiet_from"])
    beside += [(daily, "Turn off my digest")] * bool(now["digest_at"])
    addresses = [f"• {other}" for other in others]
    return Listing(
        "\n".join(["Reminders come to this chat.", *channels, *addresses, hours, daily]),
        # What a button says is what may be typed instead.
        [(line, Button(" ".join(says.split()[:2]), says.lower())) for line, says in beside],
    )


@notifications.command(
    "set my discord webhook", "(set|change) [my] [discord] webhook", for_models=False
)
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
    "set my ntfy topic to {topic}",
    "my ntfy topic is {topic}",
    "(set|change) my ntfy topic",
    "use [the] ntfy topic {topic}",
    "(set|change) [the] ntfy topic to {topic}",
    for_models=False,
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
    "turn on {channel} notifications",
    "(enable|turn on|switch on) [my] {channel} [notifications|reminders|messages]",
    "(turn|switch) [my] {channel} [notifications|reminders|messages] [back] on",
    "unmute {channel}",
)
async def turn_on(ctx: Context, channel: Channel) -> str:
    """Send reminders to a channel again."""
    await _switch(ctx, channel, on=True)
    return f"Reminders go to {channel} too now."


@notifications.command(
    "turn off {channel} notifications",
    "(disable|turn off|switch off) [my] {channel} [notifications|reminders|messages]",
    "(turn|switch) [my] {channel} [notifications|reminders|messages] off",
    "(mute|no more) {channel} [notifications|reminders|messages]",
    "(stop|end) [the|my|all] {channel} (notifications|reminders|messages)",
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


@notifications.command(
    "quiet from {begins} to {ends}",
    "[set|make it] [my] quiet [hours] (from|between) {begins} (to|until|till|and) {ends}",
    "(stop|be quiet) [at night] (from|between) {begins} (to|until|till|and) {ends}",
    "(keep|stay) quiet (from|between) {begins} (to|until|till|and) {ends}",
    "[my] quiet hours [are|from] {begins} (to|until|till|and) {ends}",
    "do not disturb (from|between) {begins} (to|until|till|and) {ends}",
    "no (messages|reminders) (from|between) {begins} (to|until|till|and) {ends} [please]",
    "no (messages|reminders|notifications) at night",
    "be quiet at night",
    "no notifications [at night] (from|between|after) {begins} (to|until|till|and) {ends}",
    "don't (disturb|bother|message|notify) me (from|between) {begins} (to|until|till|and) {ends}",
    "(mute|silence) [me|everything] [at night] (from|between) {begins} (to|until|till|and) {ends}",
)
async def quiet(
    ctx: Context,
    begins: Annotated[str, About("the hour when quiet begins", example="10pm")],
    ends: Annotated[str, About("the hour when quiet ends", example="7am")],
) -> str:
    """Have quiet hours each day: what would come by itself then waits for their end."""
    first, last = time_of_day(begins), time_of_day(ends)
    if first is None or last is None:
        raise Declined("Please give two times of day, such as “quiet from 22:00 to 7:00”.")
    before = await ctx.api.get(PATH)
    await ctx.api.put(PATH, {"quiet_from": first, "quiet_to": last})
    old = {name: before[name] for name in ("quiet_from", "quiet_to")}
    ctx.undoable("Your quiet hours are as they were.", partial(ctx.api.put, PATH, old))
    return (
        f"Quiet from {first} to {last}, each day. What repeats waits until then; "
        "what you set once for a time in between still comes at that time."
    )


@notifications.command(
    "(turn off|stop|remove|no|end) [my] quiet hours",
    "no [more] quiet hours",
    "quiet hours off",
    for_models=False,
)
async def loud(ctx: Context) -> str:
    """Have no quiet hours any more."""
    await ctx.api.put(PATH, {"quiet_from": None, "quiet_to": None})
    return "You have no quiet hours any more."


@notifications.command(
    "send me a digest {at}",
    "(send|give) me (a|my) [daily|morning] (digest|summary|overview|recap|briefing|agenda) {at}",
    "[my] (daily|morning) (digest|summary|overview) {at}",
)
async def digest(
    ctx: Context, at: Annotated[Repeating, About("your digest", example="every day at 8")]
) -> str:
    """Send an overview of the day's reminders, every day at a time."""
    if at.rule not in ("", "FREQ=DAILY"):
        raise Declined("A digest comes every day. For example: “send me a digest every day at 8”.")
    time = at.starts[11:16] if at.starts else f"{at.at.astimezone(ctx.zone):%H:%M}"
    await ctx.api.put(PATH, {"digest_at": time})
    return f"Your digest comes every day at {time}."


@notifications.command(
    "stop my digest",
    "no [more] [daily] (digest|digests|summary|summaries)",
    "(stop|turn off|cancel|end) (my|the) [daily] (digest|summary|overview)",
    "(don't|do not) send me (a|my|the) [daily] (digest|summary|overview) [anymore|any more]",
    "stop sending me (a|my|the) [daily] (digest|summary|overview)",
    for_models=False,
)
async def no_digest(ctx: Context) -> str:
    """Send no more digests."""
    await ctx.api.put(PATH, {"digest_at": None})
    return "You get no digest any more."


@notifications.command(
    "add a notification address",
    "(add|set) (a|my) (notification address|push address)",
    "(send|forward) [my] reminders to (email|telegram|slack|another service)",
    for_models=False,
)
async def add_address(
    ctx: Context, address: Annotated[Secret, About("the address, like tgram://token/chat")]
) -> str:
    """Send reminders to e-mail, Telegram, Slack and the like too, by an Apprise address."""
    added = await ctx.api.post(f"{PATH}/addresses", {"url": address.strip()})
    return f"Reminders go to your {escape(added['scheme'])} address too now."


@notifications.command(
    "remove my {scheme} address",
    "(remove|delete|forget) my {scheme} (address|notifications)",
    for_models=False,
)
async def remove_address(
    ctx: Context, scheme: Annotated[str, About("the kind of address", example="tgram")]
) -> str:
    """Forget an address of another service."""
    await ctx.api.delete(f"{PATH}/addresses/{quote(scheme.strip().lower(), safe='')}")
    return f"I have forgotten your {escape(scheme)} address."


def _state(known: bool, enabled: bool) -> str:
    return ("on" if enabled else "off") if known else "not set"
