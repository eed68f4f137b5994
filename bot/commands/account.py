"""Your account: time zone, password, log-out, deletion."""

import asyncio
from functools import cache
from typing import Annotated

from rapidfuzz import fuzz, process

from bot.dialogue import normalise
from bot.framework.context import Context, Declined
from bot.framework.fields import About, Secret
from bot.framework.lookup import CLOSE, NEAR
from bot.framework.places import folded, places, zones_of
from bot.framework.registry import CommandModule
from bot.markdown import escape, named
from config.zones import time_zones

Password = Annotated[Secret, About("your password")]

MAX_LISTED = 3
MAX_PLACE_WORDS = 3
MAX_CHARS = 64  # characters of a zone's name

account = CommandModule("account", "Your account")


@account.command(
    "show my account",
    "who am i",
    "who am i logged in as",
    "(show|tell) me my account",
    "what is my (time zone|timezone)",
    "(what|which) (time zone|timezone) (am i in|do i have|is set)",
    "[my] (time zone|timezone)",
    "what (day|date|day of the week) is it [today]",
    "what is (the date|todays date) [today]",
    "what is my (username|user name)",
    "what time is it [[right] now|there|here|for me]",
    "[tell me] the time",
    "what time it is",
    "(do you have|have you got|got) the time",
    "what time (do you have|have you got|is it now)",
    "what is the [current] time [now|here]",
)
async def show(ctx: Context) -> str:
    """Show your user name and time zone."""
    zone = ctx.session.time_zone
    where = escape(zone) if zone else f"not set (I go by {escape(ctx.zone.key)})"
    return (
        f"You are logged in as {named(ctx.session.username)}.\n"
        f"Your time zone is {where}; it is {ctx.now:%H:%M} there, on {ctx.now:%A} {ctx.now.day} "
        f"{ctx.now:%B}."
    )


@account.command(
    "my time zone is {zone}",
    "(set|change) [my] (time zone|timezone) [to] {zone}",
    "my timezone is {zone}",
    "(set|change) my (time zone|timezone)",
    hint="Also: I live in a city.",
)
async def set_time_zone(
    ctx: Context,
    zone: Annotated[str, About("your time zone or a big city in it", example="Europe/Berlin")],
) -> str:
    """Set the time zone that your words and my replies are in."""
    found = await _zone(ctx, zone)
    await ctx.api.put(f"/api/user/{ctx.session.user_uuid}", {"time_zone": found})
    ctx.session.time_zone = found
    return f"Your time zone is {escape(found)} now; it is {ctx.now:%H:%M} there."


def _is_place(words: str) -> bool:
    """Say whether words name a place: it is known, or written as a name is."""
    is_name = words[:1].isupper() and len(words.split()) <= MAX_PLACE_WORDS
    return (
        is_name or words.casefold() in {_city(zone) for zone in _places()} or bool(zones_of(words))
    )


@account.command(
    "go by the time of {place}",
    "(i|we) live in {place} [now]",
    "i now live in {place}",
    "(i|we) (am|are) [now] (living|based) in {place} [now|these days]",
    "i [have] [just] moved to {place}",
    near=("i am [now|currently] in {place} [[right] now|for now|today|this week|these days]",),
    for_models=False,
)
async def live_in(
    ctx: Context,
    place: Annotated[str, About("a big city near you", example="Berlin", accepts=_is_place)],
) -> str:
    """Go by the time of the place where you are."""
    return await set_time_zone(ctx, place)


@account.command("change my password", "(set|change) [my] password", "i want a new password")
async def change_password(
    ctx: Context,
    current: Annotated[Secret | None, About("your current password")] = None,
    *,
    new: Annotated[Secret, About("your new password")],
) -> str:
    """Change your password, or set a first one; other devices are logged out."""
    passwords = {"password": new} | ({"current_password": current} if current else {})
    await ctx.api.put(f"/api/user/{ctx.session.user_uuid}", passwords)
    ctx.session.has_password = True
    return "Your password is changed. You stay logged in here, and nowhere else."


@account.command("log out", "logout", "log me out", "sign (out|me out)", "log [me] off")
async def log_out(ctx: Context) -> str:
    """End your session in this chat."""
    await ctx.log_out()
    return "You are logged out. Send me any message to log in again."


@account.command(
    "delete my account",
    "(delete|remove|close) my account",
    confirm="Delete your account and everything in it? This can't be undone.",
)
async def delete(ctx: Context, password: Password | None = None) -> str:
    """Delete your account and everything in it, for good."""
    shown = {"password": password} if password else {}
    await ctx.api.delete(f"/api/user/{ctx.session.user_uuid}", shown)
    ctx.forget()
    return "Your account is deleted, with everything in it. Goodbye!"


@account.command(
    "link my account",
    "(link|connect) [my] [discord|other] account",
    "(use|sign in to) my other account",
    for_models=False,
)
async def link(
    ctx: Context,
    username: Annotated[str, About("the user name of your other account", example="ada")],
    password: Password,
) -> str:
    """Use another account of yours here."""
    await ctx.api.put("/api/identity", {"username": username, "password": password})
    ctx.forget()
    return (
        f"Your account here is linked to {named(username)} now. "
        "Say “unlink my account” to end that."
    )


@account.command(
    "unlink my account", "(unlink|disconnect) [my] [discord|other] account", for_models=False
)
async def unlink(ctx: Context) -> str:
    """Use your own account here again."""
    await ctx.api.delete("/api/identity")
    ctx.forget()
    return "Your account here is no longer linked to another one."


@account.command(
    "send me a log-in link",
    "(send|give) me a (log-in|login|sign-in) (link|code)",
    "i (want|need) a (log-in|login|sign-in) (link|code)",
    for_models=False,
)
async def login_link(ctx: Context) -> str:
    """Get a link that logs you in once."""
    if not ctx.is_private:
        raise Declined("Please ask me for that in a direct message, where nobody else sees it.")
    made = await ctx.api.post("/api/login/codes")
    # Said, not returned: what a command returns is shown to language models.
    await ctx.say(f"`{made['url'] or made['code']}`")
    return "This logs you in once, within five minutes. Show it to nobody."


async def _zone(ctx: Context, words: str) -> str:
    """Return the time zone that was meant, asking where that is not certain.

    Raises Declined with the nearest ones where none was.
    """
    wanted = normalise(words[:MAX_CHARS])
    closeness = {
        name: max(fuzz.ratio(wanted, said) for said in (name.casefold(), _city(name)))
        for name in await asyncio.to_thread(_places)
    }
    best = sorted(closeness, key=lambda name: -closeness[name])
    if closeness[best[0]] == 100:
        return best[0]
    if cities := await asyncio.to_thread(_cities, words[:MAX_CHARS]):
        for name, zone in cities:
            is_said = len(cities) == 1 and name == folded(words)
            if is_said or await ctx.confirm(
                f"Do you mean {escape(name.title())} in {escape(zone)}?"
            ):
                return zone
    elif closeness[best[0]] >= CLOSE and await ctx.confirm(f"Do you mean {escape(best[0])}?"):
        return best[0]
    near = [escape(name) for name in best[:MAX_LISTED] if closeness[name] >= NEAR]
    hint = f" Do you mean {' or '.join(near)}?" if near else ""
    raise Declined(
        f"I know no time zone {named(words)}.{hint} Say one such as Europe/Berlin, or a big city."
    )


@cache
def _places() -> list[str]:
    """Return the zones that people can choose; the first time many files are looked for."""
    # Not Etc/GMT+2, which is two hours behind, nor the old names without a place, such as EST.
    names = (one for one in time_zones() if "/" in one and not one.startswith("Etc/"))
    return [*sorted(names), "UTC"]


def _cities(words: str) -> list[tuple[str, str]]:
    """Return the cities of a name, or of one that is spelt much like it, and their zones."""
    found = process.extractOne(
        folded(words), places().keys(), score_cutoff=CLOSE, scorer=fuzz.ratio
    )
    return [(found[0], zone) for zone in places()[found[0]]] if found else []


def _city(zone: str) -> str:
    return zone.rpartition("/")[2].casefold().replace("_", " ")
