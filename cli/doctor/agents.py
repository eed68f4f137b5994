"""The agents in the database: can their tokens be opened, and does Discord know them."""

import asyncio
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cli.doctor.services import Net, discord_token, window
from config.sealing import Sealer, SealError
from config.settings import Settings
from core import migrations
from core.agents.tables import agents
from core.checks import Finding, Findings
from core.db.engine import Database
from core.errors import AppError

MOST_MODELS = 3  # that are sent a long prompt, one after the other
AT_ONCE = 5  # tokens that Discord is asked about side by side


def stored(settings: Settings) -> "list[sa.Row[Any]]":
    """Return the enabled agents' tokens and settings by name; none where none are kept yet.

    Whether the database can be reached is another check's to say.
    """
    url = settings.sqlalchemy_url
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        return []
    query = sa.select(agents).where(agents.c.enabled).order_by(agents.c.name)
    try:
        opened = Database(url, pool_size=1)
        try:
            if migrations.pending(opened):
                return []
            with opened.transaction(read_only=True) as connection:
                return [*connection.execute(query)]
        finally:
            opened.close()
    except AppError:
        return []


async def windows(settings: Settings, stored: "list[sa.Row[Any]]") -> Findings:
    """Check that the models of agents on servers of one's own read all that they are sent."""
    asked = set()
    for row in stored:
        told = row.settings
        if row.type == "llm" and told.get("provider", "openai") == "openai":
            url = told.get("base_url") or settings.openai_base_url
            asked.add((told["model"], url, told.get("api_key") or ""))
    findings: Findings = []
    for model, url, reference in sorted(asked)[:MOST_MODELS]:
        try:
            key = Sealer(settings).key(reference, url) if reference else ""
        except SealError:
            continue  # the agent's own status says it
        findings += await window(model, url, key)
    return findings


async def tokens(settings: Settings, net: Net, stored: "list[sa.Row[Any]]") -> Findings:
    """Check each agent's token with Discord."""
    if not stored:
        return [Finding("unused", "Agents", "none in the database")]
    named = {row.name: row.token or row.token_ref for row in stored}
    turn = asyncio.Semaphore(AT_ONCE)
    sealer = Sealer(settings)

    async def check(name: str, token: str) -> Findings:
        try:
            opened = sealer.open(token)
        except SealError as error:
            return [Finding("bad", f"Agent {name}", str(error), f"`agents edit {name}` sets one.")]
        async with turn:
            return await discord_token(f"Agent {name}", opened, settings.discord_api_url, net)

    found = await asyncio.gather(*(check(name, token) for name, token in named.items()))
    return [finding for findings in found for finding in findings]
