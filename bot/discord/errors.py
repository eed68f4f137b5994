"""What can go wrong between the bot and Discord."""

import aiohttp
import discord

NETWORK_ERRORS = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError)
"""What a call to Discord raises when Discord, or the way there, fails."""


def reason(error: BaseException) -> str:
    """Say what went wrong without quoting what was sent."""
    if isinstance(error, discord.HTTPException):
        return f"Discord answered {error.status} (code {error.code})"
    return f"Discord can't be reached ({type(error).__name__})"
