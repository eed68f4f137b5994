"""Deliveries on their way to people: claimed under a lease, sent, and settled.

A sender that dies before it settles loses its lease, and the delivery is claimed again. So a
message may arrive twice, and none is lost.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    delete,
    func,
    literal,
    select,
    true,
    union_all,
    update,
)

from core.db.engine import transaction
from core.db.isolation import in_batch_or_apart
from core.db.notify import wake
from core.deliveries.channel_failures import turn_off
from core.deliveries.routing import CHAT, SCHEDULER, BotAddress, bot_at, not_taken, targets
from core.notifications import record_results
from core.reminders import LATE_AFTER_SECONDS, next_reminder
from core.tables import chat_accounts, deliveries
from runtime.clock import utc_now

Outcome = Literal["sent", "retry", "failed"]

BACKOFF_SECONDS = (5, 30, 120, 600, 3600)
"""The pauses before each further try; when they are used up, the delivery is dead."""
JITTER = 0.2
"""By how much of itself a pause is lengthened at most, so that tries do not come all at once."""
MAX_PAUSE_SECONDS = 86_400
"""The most that a receiver's Retry-After can put a delivery off."""
ERROR_LENGTH = 500
PUT_OFF = timedelta(minutes=1)
"""Until what can't be claimed by a mistake of the program is tried again; the rest comes first."""
CLAIMED = (
    *("id", "user_uuid", "channel", "sender", "subject", "text", "due_at", "attempts"),
    *("parts_sent", "request_id"),
)
OURS = ("any_hour", "chat_account_id")  # what is read with them, and not told
MAX_PER_RECEIVER = 8
"""Messages that are claimed at once for one channel of one user."""
Receiver = tuple[UUID, str]
"""A user, and the channel that leads to them."""
NOTHING: Mapping[Receiver, int] = {}

UNSENT = ("waiting", "held", "dead")
SETTLING = (
    *("id", "lease_id", "user_uuid", "channel", "chat_account_id", "due_at", "attempts"),
    "request_id",
)


class Settlement(NamedTuple):
    """How sending one delivery went.

    `error` says why it failed, without the message and the target. `retry_after` is the receiver's
    wish in seconds; the next try comes no sooner. `off`: nothing will arrive there any more.
    `parts_sent`: how many parts of a long text have arrived, in all tries.
    """

    delivery_id: UUID
    lease_id: UUID
    outcome: Outcome
    error: str | None = None
    retry_after: float | None = None
    off: bool = False
    parts_sent: int = 0


def claim(
    senders: Collection[str],
    now: datetime,
    lease_seconds: float = 60,
    limit: int = 20,
    under_way: Mapping[Receiver, int] = NOTHING,
) -> list[dict[str, Any]]:
    """Lease up to `limit` deliveries that are due and theirs to send, the longest-waiting first.

    One receiver has MAX_PER_RECEIVER under way at a time, those that are now included, so that
    whoever has a long backlog delays nobody else.

    Each row has `id`, `lease_id`, `user_uuid`, `channel`, `sender`, `subject` (None where it came
    from no reminder), `text` (which says so where it is late), `due_at`, `attempts`, `parts_sent`,
    `request_id` and `target`: the account on the platform, the webhook, the topic or the address;
    None where the user has removed it meanwhile. What falls into quiet hours is put off to their
    end instead, and what can't be claimed becomes a dead letter with the reason.
    """

    def lease(only: UUID | None = None) -> list[dict[str, Any]]:
        return _claim(senders, now, lease_seconds, limit, under_way, only)

    def some_due() -> dict[UUID, UUID]:
        columns = deliveries.c
        query = select(columns.id, columns.user_uuid).where(
            columns.state == "waiting",
            columns.sender.in_(senders),
            columns.next_attempt_at <= now,
        )
        with transaction() as connection:
            ordered = query.order_by(columns.next_attempt_at).limit(limit)
            return {row.id: row.user_uuid for row in connection.execute(ordered)}

    def put_off(ids: Collection[UUID]) -> None:
        with transaction(savepoint=False) as connection:
            _change(connection, ids, next_attempt_at=now + PUT_OFF)

    aside = partial(_set_aside, "it can't be sent", now)
    claimed = in_batch_or_apart("claim", lease, some_due, lease, aside, put_off)
    return [row for rows in claimed for row in rows]


def _claim(
    senders: Collection[str],
    now: datetime,
    lease_seconds: float,
    limit: int,
    under_way: Mapping[Receiver, int],
    only: UUID | None,
) -> list[dict[str, Any]]:
    lease, until = uuid4(), now + timedelta(seconds=lease_seconds)
    with transaction(savepoint=False) as connection:
        rows: list[dict[str, Any]] = []
        taken = Counter(under_way)
        full = busy(under_way)
        for sender in senders if len(senders) == 1 else _with_work(connection, senders, now):
            more = True
            while more and len(rows) < limit:
                found = _lock_due(connection, sender, now, limit - len(rows), full, only)
                mine = []
                more = False
                for row in found:
                    receiver = row["user_uuid"], row["channel"]
                    if receiver not in full:
                        mine.append(row)
                        taken[receiver] += 1
                        if taken[receiver] == MAX_PER_RECEIVER:
                            full.add(receiver)
                            more = len(found) == limit - len(rows)  # others may be due behind these
                # The end of the lease is also the next attempt: one index finds all that is free.
                _change(
                    connection,
                    [row["id"] for row in mine],
                    lease_id=lease,
                    leased_until=until,
                    next_attempt_at=until,
                )
                rows += mine
        claimed, put_off = [], defaultdict(list)
        for row, target in zip(rows, targets(connection, rows, now), strict=True):
            late = (now - row["due_at"]).total_seconds() > LATE_AFTER_SECONDS
            if target.quiet_until and (late or not row["any_hour"]):
                put_off[target.quiet_until].append(row["id"])
                continue
            row["text"] += _lateness(row["due_at"], now) if late else ""
            own = {name: value for name, value in row.items() if name not in OURS}
            claimed.append({**own, "lease_id": lease, "target": target.address})
        for end, ids in put_off.items():
            _change(connection, ids, lease_id=None, leased_until=None, next_attempt_at=end)
    return claimed


def busy(under_way: Mapping[Receiver, int]) -> set[Receiver]:
    """Return the receivers that have as many messages under way as one may have."""
    return {receiver for receiver, number in under_way.items() if number >= MAX_PER_RECEIVER}


def release(rows: Collection[Mapping[str, Any]], now: datetime) -> None:
    """Give claimed deliveries back, that another sender may take at once."""
    columns = deliveries.c
    mine = columns.id.in_([row["id"] for row in rows]) & (columns.state == "waiting")
    mine &= columns.lease_id.in_({row["lease_id"] for row in rows})
    free = {"lease_id": None, "leased_until": None, "next_attempt_at": now}
    with transaction() as connection:
        connection.execute(update(deliveries).where(mine).values(free))
        wake("deliveries")


def renew(leases: Mapping[UUID, UUID], now: datetime, lease_seconds: float) -> None:
    """Lease deliveries for longer, by their ids and leases, where half of the time is over.

    What is being settled at this moment is left alone, so that nobody waits for another.
    """
    columns = deliveries.c
    until = now + timedelta(seconds=lease_seconds)
    mine = columns.id.in_(leases.keys()) & (columns.state == "waiting")
    mine &= columns.leased_until < now + timedelta(seconds=lease_seconds / 2)
    with transaction() as connection:
        query = select(columns.id, columns.lease_id).where(mine).with_for_update(skip_locked=True)
        found = [row.id for row in connection.execute(query) if row.lease_id == leases[row.id]]
        if found:
            _change(connection, found, leased_until=until, next_attempt_at=until)


def settle(
    delivery_id: UUID,
    lease_id: UUID,
    outcome: Outcome,
    error: str | None = None,
    retry_after: float | None = None,
    *,
    off: bool = False,
    now: datetime | None = None,
) -> bool:
    """Write down how sending one went; False where the lease is no longer the caller's."""
    one = Settlement(delivery_id, lease_id, outcome, error, retry_after, off)
    return bool(settle_all([one], now))


def settle_all(settlements: Iterable[Settlement], now: datetime | None = None) -> set[UUID]:
    """Write down how sending went; return the ids of those whose lease was still the caller's.

    One that can't be settled becomes a dead letter, also where none can: else it would be sent
    again for ever.
    """
    said = {one.delivery_id: one for one in settlements}
    at_ = now or utc_now()

    def settle_one(delivery_id: UUID) -> set[UUID]:
        return _settle({delivery_id: said[delivery_id]}, at_)

    aside = partial(_set_aside, "its result can't be noted", at_)
    settled = in_batch_or_apart(
        "settle", partial(_settle, said, at_), lambda: {one: one for one in said}, settle_one, aside
    )
    return {delivery_id for ids in settled for delivery_id in ids}


def _settle(said: Mapping[UUID, Settlement], now: datetime) -> set[UUID]:
    over = {"lease_id": None, "leased_until": None, "attempts": deliveries.c.attempts + 1}
    done = {**over, "state": "sent", "settled_at": now, "last_error": None}
    sent: dict[UUID, list[UUID]] = defaultdict(list)
    for delivery_id, how in said.items():
        if how.outcome == "sent":
            sent[how.lease_id].append(delivery_id)
    with transaction(savepoint=False) as connection:
        # One statement for what was sent, which is most, where the database can tell what it did.
        at_once = connection.dialect.update_returning
        to_read = [id_ for id_, how in said.items() if how.outcome != "sent" or not at_once]
        rows = _lock_leased(connection, to_read, said)
        went_out: list[RowMapping] = []
        if at_once:
            for lease, ids in sent.items():
                went_out += _finish(connection, lease, ids, done)
        else:
            went_out = [row for row in rows if said[row["id"]].outcome == "sent"]
            if went_out:
                _change(connection, [row["id"] for row in went_out], **done)
        dead = []
        unsent = [row for row in rows if said[row["id"]].outcome != "sent"]
        for row in unsent:
            one = said[row["id"]]
            values = _after(row, one, now)
            if one.off:
                values |= turn_off(connection, row, one.error or "", now)
            if values.get("state") == "dead":
                dead.append(row)
            _change(connection, [row["id"]], **over, **values)
        for rows_, arrived in ((went_out, True), (dead, False)):
            record_results(
                {row["user_uuid"] for row in rows_ if row["channel"] != CHAT}, arrived, now
            )
    return {row["id"] for row in (*went_out, *unsent)}


def _lock_leased(
    connection: Connection, ids: Collection[UUID], said: Mapping[UUID, Settlement]
) -> list[RowMapping]:
    """Return those deliveries whose lease is still the one that is spoken of."""
    if not ids:
        return []
    columns = (deliveries.c[name] for name in SETTLING)
    query = select(*columns).where(deliveries.c.id.in_(ids), deliveries.c.state == "waiting")
    rows = connection.execute(query.order_by(deliveries.c.id).with_for_update()).mappings()
    return [row for row in rows if row["lease_id"] == said[row["id"]].lease_id]


def _finish(
    connection: Connection, lease_id: UUID, ids: Collection[UUID], done: Mapping[str, Any]
) -> Sequence[RowMapping]:
    """Change those deliveries that are still under this lease, and return whose they are."""
    columns = deliveries.c
    mine = columns.id.in_(ids) & (columns.lease_id == lease_id) & (columns.state == "waiting")
    change = update(deliveries).where(mine).values(**done)
    found = connection.execute(change.returning(columns.id, columns.user_uuid, columns.channel))
    return found.mappings().all()


def unsent() -> dict[str, int]:
    """Return how many deliveries there are in each state but "sent", of which nobody counts."""
    states = deliveries.c.state
    query = select(states, func.count()).where(states.in_(UNSENT)).group_by(states)
    with transaction(read_only=True) as connection:
        found = {row[0]: row[1] for row in connection.execute(query)}
    return {state: found.get(state, 0) for state in UNSENT}


def forget_sent(before: datetime, limit: int = 5000) -> int:
    """Delete what was settled as sent before a time, and return how many that were.

    In portions, each a transaction of its own, so that nobody waits for long.
    """
    deleted = 0
    old = (
        select(deliveries.c.id)
        .where(deliveries.c.state == "sent", deliveries.c.settled_at < before)
        .limit(limit)
    )
    while True:
        with transaction() as connection:
            ids = connection.execute(old).scalars().all()
            connection.execute(delete(deliveries).where(deliveries.c.id.in_(ids)))
        deleted += len(ids)
        if len(ids) < limit:
            return deleted


def next_delivery(
    senders: Collection[str], now: datetime, under_way: Mapping[Receiver, int] = NOTHING
) -> datetime | None:
    """Return when the next delivery can be claimed, `now` where one waits already, or None."""
    with transaction(read_only=True) as connection:
        found = _earliest(connection, senders, busy(under_way))
    return max(now, found[0][0]) if found else None


def next_due(now: datetime, addresses: Collection[BotAddress]) -> datetime | None:
    """Return when the next reminder or delivery is due at these addresses, or None."""
    found = (
        next_reminder(now, addresses),
        next_delivery([bot_at(address) for address in addresses], now),
    )
    return min((moment for moment in found if moment), default=None)


def _earliest(
    connection: Connection, senders: Collection[str], full: Collection[Receiver] = ()
) -> list[tuple[datetime, str]]:
    """Return when each of the senders has something to send, the earliest first."""
    # The name is a parameter of one look into the index: however much waits, it costs the same.
    looks = [
        select(
            literal(sender).label("sender"),
            select(deliveries.c.next_attempt_at)
            .where(_waiting(sender), _to_others(full))
            .order_by(deliveries.c.next_attempt_at)
            .limit(1)
            .scalar_subquery()
            .label("at"),
        )
        for sender in senders
    ]
    rows = connection.execute(union_all(*looks)) if len(looks) > 1 else connection.execute(looks[0])
    return sorted((row.at, row.sender) for row in rows if row.at is not None)


def _with_work(connection: Connection, senders: Collection[str], now: datetime) -> list[str]:
    return [sender for at_, sender in _earliest(connection, senders) if at_ <= now]


def _lock_due(
    connection: Connection,
    sender: str,
    now: datetime,
    limit: int,
    full: Collection[Receiver],
    only: UUID | None,
) -> list[dict[str, Any]]:
    query = select(*(deliveries.c[name] for name in (*CLAIMED, *OURS))).where(
        _waiting(sender), deliveries.c.next_attempt_at <= now
    )
    if only is not None:
        query = query.where(deliveries.c.id == only)
    rows = connection.execute(
        query.where(_to_others(full))
        .order_by(deliveries.c.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    names = tuple(rows.keys())
    return [dict(zip(names, row, strict=True)) for row in rows]


def _to_others(full: Collection[Receiver]) -> ColumnElement[bool]:
    """Match the deliveries to other receivers than these."""
    people: dict[str, list[UUID]] = {}
    for user_uuid, channel in sorted(full):
        people.setdefault(channel, []).append(user_uuid)
    columns = deliveries.c
    return and_(
        true(),
        *(
            ~((columns.channel == channel) & columns.user_uuid.in_(found))
            for channel, found in people.items()
        ),
    )


def _waiting(sender: str) -> ColumnElement[bool]:
    """Match the deliveries that a sender still has to send, and may."""
    waiting = and_(deliveries.c.state == "waiting", deliveries.c.sender == sender)
    if sender == SCHEDULER:
        return waiting
    return waiting & (
        select(chat_accounts.c.id)
        .where(chat_accounts.c.id == deliveries.c.chat_account_id, not_taken())
        .correlate(deliveries)
        .exists()
    )


def _after(row: RowMapping, said: Settlement, now: datetime) -> dict[str, Any]:
    """Return what becomes of a delivery that was not sent."""
    values: dict[str, Any] = {"last_error": said.error[:ERROR_LENGTH] if said.error else None}
    values["parts_sent"] = said.parts_sent
    if said.outcome == "retry" and row["attempts"] < len(BACKOFF_SECONDS):
        jitter = 1 + random.uniform(0, JITTER)  # noqa: S311 - nobody gains by guessing it
        wish = min(said.retry_after or 0, MAX_PAUSE_SECONDS)
        pause = max(wish, BACKOFF_SECONDS[row["attempts"]] * jitter)
        return values | {"next_attempt_at": now + timedelta(seconds=pause)}
    return values | {"state": "dead", "settled_at": now}


def _set_aside(what: str, now: datetime, delivery_id: UUID, reason: str) -> None:
    """Make a dead letter of a delivery that can't be worked on."""
    with transaction(savepoint=False) as connection:
        dead = {"state": "dead", "settled_at": now, "lease_id": None, "leased_until": None}
        error = f"{what}: {reason}"[:ERROR_LENGTH]
        _change(connection, [delivery_id], **dead, last_error=error)


def _change(connection: Connection, ids: Collection[UUID], **values: Any) -> None:  # noqa: ANN401
    connection.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(values))


def _lateness(due_at: datetime, now: datetime) -> str:
    """Say how late a message is, in the largest whole unit."""
    late = int((now - due_at).total_seconds())
    size, unit = next(
        (size, unit)
        for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute"))
        if late >= size
    )
    number = late // size
    return f" (late: it was due {number} {unit}{'s' if number > 1 else ''} ago)"
