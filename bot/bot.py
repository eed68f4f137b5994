"""The Discord side: `python -m bot.bot` runs it against the API at API_URL.

`apiRequest` is for modules written against the documentation; it blocks. Commands of your own use
`ctx.api`, which does not.
"""

import asyncio
import logging
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from ai.config import load_ai_config
from bot.agent import AgentType, Services, load_agent_types
from bot.api.client import TIMEOUT_SECONDS, ApiClient, ApiError
from bot.discord.client import use_api
from bot.discord.connection import DiscordAgent, SharedServices
from bot.discord.messages import PLATFORM
from bot.discord.start_limits import Starts
from bot.framework.raw_handlers import raw_order
from bot.framework.registry import load_commands
from bot.mcp import mcp_server
from bot.runtime.agent_spec import Planner
from bot.runtime.assignments import AssignmentSync, Lease, name_of_process
from bot.runtime.deliveries import DeliveryLoop
from bot.runtime.process import beating, until_signalled
from bot.runtime.reporting import telling
from bot.runtime.supervisor import Pool
from bot.web import WebChat, default_agent
from config.sealing import Sealer
from config.settings import Settings, api_url
from runtime.metrics import metrics_server
from runtime.proxy import proxy_for
from runtime.run import run
from runtime.start import start, tune_garbage_collector

logger = logging.getLogger(__name__)

LEAVING_SECONDS = 3.0
"""How long handing the agents back may take beyond the time for answers under way."""


def api_request(
    method: str, endpoint: str, token: str | None = None, data: Mapping[str, Any] | None = None
) -> tuple[Any, int]:
    """Send one request to the API and wait for it; return the JSON of the answer and the status.

    Where the API can't be reached, or its answer is no JSON, there is an `error` instead. It is the
    API that this process serves, where it serves one, else that at API_URL.

    In a raw handler a token of the person's session that is refused is renewed once; SessionEnded
    is raised where the API no longer knows the log-in.
    """
    order = raw_order.get()
    if order is not None and method.upper() != "GET":
        order.noted()
    answer, status = _requested(method, endpoint, token, data)
    if order is not None and status == 401 and token == order.session.token:
        order.renew()
        answer, status = _requested(method, endpoint, order.session.token, data)
    if order is not None:
        told = answer.get("error") if isinstance(answer, dict) else None
        message = str(told or f"The service refused this ({status}).")
        order.refusal = ApiError(status, message) if status >= 400 else None
    return answer, status


def _requested(
    method: str, endpoint: str, token: str | None, data: Mapping[str, Any] | None
) -> tuple[Any, int]:
    import httpx2  # here, for only raw handlers ask in a way that blocks

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = api_url().rstrip("/") + "/" + endpoint.lstrip("/")
    try:
        response = httpx2.request(
            method,
            url,
            headers=headers,
            json=data,
            timeout=TIMEOUT_SECONDS,
            proxy=proxy_for(url),
            trust_env=False,  # proxies are excepted by NO_PROXY as everywhere else in the bot
        )
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        logger.warning("the API can't be reached: %s", type(error).__name__)
        return {"error": "The API can't be reached."}, 503
    try:
        return response.json(), response.status_code
    except ValueError:
        return {"error": f"The API answered {response.status_code} without JSON."}, (
            response.status_code
        )


async def run_discord(settings: Settings, agent_types: Mapping[str, AgentType[Any]]) -> int:
    """Run the agents that the API hands to this process until SIGTERM or SIGINT; return 0.

    The second signal ends at once.
    """
    load_commands()  # and the file for models: what is broken in them is told at the start
    load_ai_config(settings.ai_config_path)
    tune_garbage_collector()
    use_api(settings.discord_api_url)
    key = settings.service_key.get_secret_value()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(beating())
        # Apart, so that agents with many requests don't keep it from renewing its lease.
        agents_api, own_api, chat_api = (ApiClient(settings.api_url, key) for _ in range(3))
        for api in (agents_api, own_api, chat_api):
            stack.push_async_callback(api.close)
        lease = Lease()
        planner = Planner(agent_types, Sealer(settings))
        around = SharedServices(
            planner, Services(agents_api, settings), Starts(), lease.holds, _show_invite
        )
        pool = Pool(lambda desired: DiscordAgent(desired, around), settings.shutdown_timeout)
        deliveries = DeliveryLoop(
            own_api,
            PLATFORM,
            lambda: pool.senders() if lease.holds() else {},
            wake_interval=settings.wake_interval,
        )
        await stack.enter_async_context(telling(own_api))
        services = Services(chat_api, settings)
        chat = WebChat(
            services,
            name_of_process(),
            lambda: pool.workers() if lease.holds() else {},
            lambda: default_agent(services),
        )
        stack.push_async_callback(chat.close)
        await _run(
            AssignmentSync(own_api, pool, lease, settings),
            deliveries,
            chat,
            settings.shutdown_timeout,
        )
    return 0


async def _run(
    assignments: AssignmentSync, deliveries: DeliveryLoop, chat: WebChat, shutdown_timeout: float
) -> None:
    """Follow the assignments and deliver until a signal; then stop in order, within the time."""
    stop = asyncio.Event()
    with until_signalled(stop):
        stopped = asyncio.create_task(stop.wait())
        work = assignments.follow(), deliveries.run(), chat.run()
        working = [asyncio.create_task(one) for one in work]
        following = working[0]
        try:
            await asyncio.wait([stopped, *working], return_when=asyncio.FIRST_COMPLETED)
            following.cancel()
            try:
                async with asyncio.timeout(shutdown_timeout + LEAVING_SECONDS):
                    await asyncio.gather(assignments.leave(), deliveries.finish(), chat.finish())
            except TimeoutError:
                logger.warning("what was under way was given up after %g s", shutdown_timeout)
        finally:
            for task in (stopped, *working):
                task.cancel()
            await asyncio.wait([stopped, *working])
        for task in working:
            if not task.cancelled():
                task.result()


def _show_invite(url: str) -> None:
    sys.stdout.write(f"Invite the bot to a server of yours: {url}\n")
    sys.stdout.flush()


def main() -> int:
    """Run the bot as a process of its own; return the exit code."""
    settings = start()
    agent_types = load_agent_types()
    with metrics_server(settings), mcp_server(settings):
        return asyncio.run(run_discord(settings, agent_types))


apiRequest = api_request  # noqa: N816

if __name__ == "__main__":
    run(main)
