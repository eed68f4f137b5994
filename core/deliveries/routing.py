"""Where a user can be reached: the chats they write from, the channels they switched on."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, select, union

from core.agents.leases import ENVIRONMENT_AGENT
from core.agents.tables import DEFAULT_AGENT, POOLED, WEB, agent_leases, agents
from core.agents.tables import BotAddress as BotAddress
from core.agents.tables import bot_at as bot_at
from core.deliveries.quiet_hours import quiet_until, zone_of
from core.notifications import DISCORD_WEBHOOK, NTFY
from core.tables import chat_accounts, notifications, push_addresses, users

CHAT = "chat"
SCHEDULER = "scheduler"
SETTINGS = (
    *("user_uuid", "discord_webhook", "discord_enabled", "ntfy_topic", "ntfy_enabled"),
    *("quiet_from", "quiet_to"),
)


class Route(NamedTuple):
    """A channel, who sends there, and where it is the chat, the chat account."""

    channel: str
    sender: str = SCHEDULER
    chat_account_id: UUID | None = None


class Target(NamedTuple):
    """Where a message goes, None where the user removed it, and until when they want quiet."""

    address: str | None
    quiet_until: datetime | None


def removed(
    connection: Connection, senders: Collection[str], *, spare_when_no_agents: bool = False
) -> set[str]:
    """Return those senders of deliveries that are agents which nobody runs, or will: removed ones.

    One that is still being stopped is not among them, nor the environment's while it may run. With
    `spare_when_no_agents`, none of Discord's is while there are no agents at all: a program of
    one's own may be the bot.
    """
    names: dict[str, set[str]] = {}
    for sender in senders:
        platform, _, name = sender.partition("/")
        names.setdefault(platform, set()).add(name)
    pooled, web = names.get(POOLED, set()), names.get(WEB, set())
    gone = _gone_from_discord(connection, pooled, spare_when_no_agents) if pooled else set()
    gone_from_web = _gone_from_web(connection, web) if web - {DEFAULT_AGENT} else set()
    return {
        *(bot_at((POOLED, name)) for name in gone),
        *(bot_at((WEB, name)) for name in gone_from_web),
    }


def _gone_from_discord(
    connection: Connection, names: set[str], spare_when_no_agents: bool
) -> set[str]:
    there = union(
        select(agents.c.name).where(agents.c.name.in_(names)),
        select(agent_leases.c.agent).where(
            agent_leases.c.agent.in_(names), agent_leases.c.holder.is_not(None)
        ),
    )
    gone = names - {*connection.execute(there).scalars()}
    if gone and not connection.execute(select(agents.c.id).limit(1)).first():
        gone = set() if spare_when_no_agents else gone - {ENVIRONMENT_AGENT}
    return gone


def _gone_from_web(connection: Connection, names: set[str]) -> set[str]:
    """Return who answers there no more; what comes for a trial, which has a colon, ends with it."""
    there = connection.execute(select(agents.c.name).where(agents.c.name.in_(names))).scalars()
    return {name for name in names - {DEFAULT_AGENT, *there} if ":" not in name}


def at(addresses: Collection[BotAddress]) -> ColumnElement[bool]:
    """Match the chat accounts at these addresses, all on one platform."""
    ((platform, *_), *_), names = addresses, [agent for _, agent in addresses]
    return and_(chat_accounts.c.platform == platform, chat_accounts.c.agent.in_(names))


def not_taken() -> ColumnElement[bool]:
    """Match a chat where no other user is logged in: one user's reminders are not another's."""
    other = chat_accounts.alias()
    return ~(
        select(other.c.id)
        .where(
            other.c.platform == chat_accounts.c.platform,
            other.c.agent == chat_accounts.c.agent,
            other.c.account_id == chat_accounts.c.account_id,
            other.c.user_uuid != chat_accounts.c.user_uuid,
            other.c.logged_in,
        )
        .exists()
    )


class Routes:
    """The ways to some users, read once; removed agents are on none."""

    def __init__(
        self, connection: Connection, users: Collection[UUID], *, spare_when_no_agents: bool = True
    ) -> None:
        found = connection.execute(
            select(chat_accounts)
            .where(chat_accounts.c.user_uuid.in_(users), not_taken())
            .order_by(chat_accounts.c.last_used_at.desc())
        )
        chats = found.mappings().all()
        gone = removed(
            connection, {_sender(chat) for chat in chats}, spare_when_no_agents=spare_when_no_agents
        )
        self._chats: dict[UUID, list[RowMapping]] = {}
        for chat in chats:
            if _sender(chat) not in gone:
                self._chats.setdefault(chat["user_uuid"], []).append(chat)
        self._channels = _switched_on(connection, users)

    def to(self, user_uuid: UUID, came_from: UUID | None) -> list[Route]:
        """Return a user's channels, and one chat: where the order came from, else the latest."""
        chats = self._chats_of(user_uuid, came_from, blocked=False)
        return chats[:1] + [Route(channel) for channel in self._channels.get(user_uuid, {})]

    def blocked(self, user_uuid: UUID, came_from: UUID | None) -> Route | None:
        """Return the chat that would do, but for the person having blocked the bot there."""
        return next(iter(self._chats_of(user_uuid, came_from, blocked=True)), None)

    def _chats_of(self, user_uuid: UUID, came_from: UUID | None, *, blocked: bool) -> list[Route]:
        own = self._chats.get(user_uuid, [])
        first = [chat for chat in own if chat["id"] == came_from]
        return [
            Route(CHAT, _sender(chat), chat["id"])
            for chat in [*first, *(chat for chat in own if chat["logged_in"])]
            if (chat["blocked_at"] is not None) is blocked
        ]


def _sender(chat: RowMapping) -> str:
    return bot_at((chat["platform"], chat["agent"]))


def targets(
    connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime
) -> list[Target]:
    """Return where each delivery goes, and whether it has to wait for the end of quiet hours."""
    accounts = {}
    if chats := {row["chat_account_id"] for row in rows} - {None}:
        found = connection.execute(
            select(chat_accounts.c.id, chat_accounts.c.account_id).where(
                chat_accounts.c.id.in_(chats)
            )
        )
        accounts = {row.id: row.account_id for row in found}
    people = {row["user_uuid"] for row in rows}
    settings = _settings(connection, people)
    channels = {user_uuid: _own_channels(row) for user_uuid, row in settings.items()}
    if {row["channel"] for row in rows} - {CHAT, DISCORD_WEBHOOK, NTFY}:
        channels = _switched_on(connection, people, settings)
    quiet = {
        user_uuid: quiet_until(found, zone_of(found["time_zone"]), now)
        for user_uuid, found in settings.items()
    }
    return [
        Target(
            accounts.get(row["chat_account_id"])
            if row["channel"] == CHAT
            else channels.get(row["user_uuid"], {}).get(row["channel"]),
            quiet.get(row["user_uuid"]),
        )
        for row in rows
    ]


def _settings(connection: Connection, people: Collection[UUID]) -> dict[UUID, RowMapping]:
    rows = connection.execute(
        select(*(notifications.c[name] for name in SETTINGS), users.c.time_zone)
        .join(users, users.c.id == notifications.c.user_uuid)
        .where(notifications.c.user_uuid.in_(people))
    )
    return {row["user_uuid"]: row for row in rows.mappings()}


def _switched_on(
    connection: Connection,
    people: Collection[UUID],
    settings: Mapping[UUID, RowMapping] | None = None,
) -> dict[UUID, dict[str, str]]:
    """Return the channels that users have switched on, with where they lead."""
    if settings is None:
        settings = _settings(connection, people)
    found = {user_uuid: _own_channels(row) for user_uuid, row in settings.items()}
    pushes = connection.execute(
        select(push_addresses)
        .where(push_addresses.c.user_uuid.in_(people), push_addresses.c.enabled)
        .order_by(push_addresses.c.scheme)
    )
    for row in pushes.mappings():
        found.setdefault(row["user_uuid"], {})[row["scheme"]] = row["url"]
    return found


def _own_channels(row: RowMapping) -> dict[str, str]:
    found = {}
    if row["discord_enabled"] and row["discord_webhook"]:
        found[DISCORD_WEBHOOK] = row["discord_webhook"]
    if row["ntfy_enabled"] and row["ntfy_topic"]:
        found[NTFY] = row["ntfy_topic"]
    return found
