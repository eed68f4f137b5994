"""The Discord side: `python -m bot.bot` runs it against the API at API_URL.

`apiRequest` is for modules written against the documentation; it blocks. Commands of your own use
`ctx.api`, which does not.
"""

import asyncio
import logging
import sys
from collections.abc import Mapping
from typing import Any

import httpx2

from bot.agents.commands import make_brain
from bot.api_client import TIMEOUT_SECONDS, ApiClient
from bot.pool import Pool
from bot.signals import until_signalled
from bot.transports.discord_agent import DiscordAgent
from bot.transports.discord_client import use_api
from config.metrics import serving
from config.settings import Settings, get_settings
from config.start import start

logger = logging.getLogger(__name__)

AGENT = "default"
"""The name of the agent that DISCORD_BOT_TOKEN stands for."""
NOTHING_TO_RUN = (
    "DISCORD_BOT_TOKEN is not set, so there is no bot to run. Set it in config/.env "
    "(README: Discord), or talk in the terminal with `python manage.py chat`."
)


def api_request(
    method: str, endpoint: str, token: str | None = None, data: Mapping[str, Any] | None = None
) -> tuple[Any, int]:
    """Send one request to the API and wait for it; return the JSON of the answer and the status.

    Where the API can't be reached, or its answer is no JSON, there is an `error` instead.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = get_settings().api_url.rstrip("/") + "/" + endpoint.lstrip("/")
    try:
        response = httpx2.request(method, url, headers=headers, json=data, timeout=TIMEOUT_SECONDS)
    except httpx2.TransportError as error:
        logger.warning("the API can't be reached: %s", type(error).__name__)
        return {"error": "The API can't be reached."}, 503
    try:
        return response.json(), response.status_code
    except ValueError:
        return {"error": f"The API answered {response.status_code} without JSON."}, (
            response.status_code
        )


async def run_discord(settings: Settings) -> int:
    """Run the agents until SIGTERM or SIGINT, the second of which ends at once; return 0.

    Without a token there is nothing to run: say so, and return 2.
    """
    if settings.discord_bot_token is None:
        sys.stderr.write(NOTHING_TO_RUN + "\n")
        return 2
    use_api(settings.discord_api_url)
    stop = asyncio.Event()
    api = ApiClient(settings.api_url, settings.service_key.get_secret_value())
    brain = make_brain(api, settings)
    agent = DiscordAgent(
        AGENT,
        settings.discord_bot_token.get_secret_value(),
        brain,
        api,
        wake_interval=settings.wake_interval,
        on_invite=_show_invite,
    )
    try:
        with until_signalled(stop):
            await Pool([agent], settings.shutdown_timeout).run(stop)
    finally:
        await brain.close()
        await api.close()
    return 0


def _show_invite(url: str) -> None:
    sys.stdout.write(f"Invite the bot to a server of yours: {url}\n")
    sys.stdout.flush()


def main() -> int:
    """Run the bot as a process of its own; return the exit code."""
    settings = start()
    with serving(settings):
        return asyncio.run(run_discord(settings))


apiRequest = api_request  # noqa: N816

if __name__ == "__main__":
    sys.exit(main())
