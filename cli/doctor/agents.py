"""The agents in the database: can their tokens be opened, and does Discord know them."""

import asyncio
from pathlib import Path

import sqlalchemy as sa

from cli.doctor.checks import Finding, Findings
from cli.doctor.services import Net, discord_token
from config.sealing import Sealer, SealError
from config.settings import Settings
from core import migrations
from core.agents.tables import agents
from core.db.engine import Database
from core.errors import AppError

AT_ONCE = 5  # tokens that Discord is asked about side by side


def stored_tokens(settings: Settings) -> dict[str, str]:
    """Return what is stored as each enabled agent's token, by name; none where none are kept yet.

    Whether the database can be reached is another check's to say.
    """
    url = settings.sqlalchemy_url
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        return {}
    query = sa.select(agents.c.name, agents.c.token, agents.c.token_ref).where(agents.c.enabled)
    try:
        opened = Database(url, pool_size=1)
        try:
            if migrations.pending(opened):
                return {}
            with opened.transaction(read_only=True) as connection:
                rows = connection.execute(query.order_by(agents.c.name)).all()
        finally:
            opened.close()
    except AppError:
        return {}
    return {row.name: row.token or row.token_ref for row in rows}


async def tokens(settings: Settings, net: Net, stored: dict[str, str]) -> Findings:
    """Check each agent's token with Discord."""
    if not stored:
        return [Finding("unused", "Agents", "none in the database")]
    turn = asyncio.Semaphore(AT_ONCE)
    sealer = Sealer(settings)

    async def check(name: str, token: str) -> Findings:
        try:
            opened = sealer.open(token)
        except SealError as error:
            return [Finding("bad", f"Agent {name}", str(error), f"`agents edit {name}` sets one.")]
        async with turn:
            return await discord_token(f"Agent {name}", opened, settings.discord_api_url, net)

    found = await asyncio.gather(*(check(name, token) for name, token in stored.items()))
    return [finding for findings in found for finding in findings]
