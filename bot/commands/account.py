"""Your account: time zone, password, log-out, deletion."""

from typing import Annotated
from zoneinfo import available_timezones

from bot.command_registry import CommandModule
from bot.context import Context, Declined
from bot.fields import About, Secret
from bot.matching import candidates, nearest
from bot.talk import normalise
from bot.text import escape, named

Password = Annotated[Secret, About("your password")]

account = CommandModule("account", "Your account")


@account.command("show my account", "who am i", "(show|tell) me my account")
async def show(ctx: Context) -> str:
    """Show your user name and time zone."""
    zone = ctx.session.time_zone
    where = escape(zone) if zone else f"not set (I go by {escape(ctx.zone.key)})"
    return (
        f"You are logged in as {named(ctx.session.username)}.\n"
        f"Your time zone is {where}; it is {ctx.now:%H:%M} there."
    )


@account.command(
    "my time zone is {zone}",
    "(set|change) my (time zone|timezone) to {zone}",
    "my timezone is {zone}",
    "(set|change) my (time zone|timezone)",
)
async def set_time_zone(
    ctx: Context,
    zone: Annotated[str, About("your time zone or a big city in it", example="Europe/Berlin")],
) -> str:
    """Set the time zone that your words and my replies are in."""
    found = _zone(zone)
    await ctx.api.put(f"/api/user/{ctx.session.user_uuid}", {"time_zone": found})
    ctx.session.time_zone = found
    return f"Your time zone is {escape(found)} now; it is {ctx.now:%H:%M} there."


@account.command("change my password", "(set|change) [my] password", "i want a new password")
async def change_password(
    ctx: Context,
    current: Annotated[Secret, About("your current password")],
    new: Annotated[Secret, About("your new password")],
) -> str:
    """Change your password; other devices are logged out."""
    await ctx.api.put(
        f"/api/user/{ctx.session.user_uuid}", {"current_password": current, "password": new}
    )
    return "Your password is changed. You stay logged in here, and nowhere else."


@account.command("log out", "logout", "log me out", "sign (out|me out)")
async def log_out(ctx: Context) -> str:
    """End your session in this chat."""
    await ctx.log_out()
    return "You are logged out. Send me any message to log in again."


@account.command(
    "delete my account",
    "(delete|remove|close) my account",
    confirm="Delete your account and everything in it? This can't be undone.",
)
async def delete(ctx: Context, password: Password) -> str:
    """Delete your account and everything in it, for good."""
    await ctx.api.delete(f"/api/user/{ctx.session.user_uuid}", {"password": password})
    ctx.forget()
    return "Your account is deleted, with everything in it. Goodbye!"


def _zone(words: str) -> str:
    """Return the time zone that was meant; raise Declined with the nearest ones where none was."""
    names = sorted(name for name in available_timezones() if not name.startswith(("Etc/", "posix")))
    wanted = normalise(words).replace(" ", "_")
    for name in names:
        if wanted in (name.casefold(), name.rpartition("/")[2].casefold()):
            return name
    spoken = [name.replace("_", " ").replace("/", " ") for name in names]
    found = candidates(words, spoken)
    if len(found) == 1:
        return names[found[0]]
    close = [names[spoken.index(name)] for name in nearest(words, spoken)]
    hint = f" Do you mean {' or '.join(map(escape, close))}?" if close else ""
    raise Declined(
        f"I know no time zone {named(words)}.{hint} Say one such as Europe/Berlin, or a big city."
    )
