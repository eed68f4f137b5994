"""Codes that log a user in once, without a password, for five minutes."""

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from core import postgres
from core.db.compiled import Row
from core.db.engine import transaction

LIFETIME = timedelta(minutes=5)


def issue(user_uuid: UUID, now: datetime) -> str:
    """Return a new code for a user; one that they had before is no longer good."""
    code = secrets.token_urlsafe(32)
    row = {"user_uuid": user_uuid, "code_hash": _hash(code), "expires_at": now + LIFETIME}
    postgres.upsert("login_codes", row, ["user_uuid"])
    return code


def redeem(code: str, now: datetime) -> Row | None:
    """Return the user whose code this is, and end the code; None for one that is not good."""
    with transaction():
        found = postgres.select_one("login_codes", {"code_hash": _hash(code)})
        if found is None or not postgres.delete("login_codes", {"code_hash": _hash(code)}):
            return None  # unknown, or another request was first
        if found["expires_at"] <= now:
            return None
        return postgres.select_one("users", {"id": found["user_uuid"]})


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode(errors="replace")).hexdigest()
