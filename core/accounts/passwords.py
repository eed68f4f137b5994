"""Passwords: what they must be like, and their hashes.

bcrypt takes a fifth of a second on purpose. It runs with Python's lock released, and callers hold
no database connection meanwhile, so that log-ins hold up nobody else.
"""

from functools import lru_cache

import bcrypt

from config.settings import get_settings
from core.errors import InvalidInput

MIN_BYTES = 8  # NIST SP 800-63B, section 5.1.1.1
MAX_BYTES = 72  # all that bcrypt reads
NO_PASSWORD = b"!"  # stored in place of a hash for who has none: no password matches it


def check_password(password: str) -> None:
    """Raise InvalidInput for a password that is too short, or longer than bcrypt can tell apart."""
    try:
        length = len(password.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput("This password has characters that can't be encoded.") from error
    if length < MIN_BYTES:
        raise InvalidInput(f"This password is too short: it needs at least {MIN_BYTES} characters.")
    if length > MAX_BYTES:
        raise InvalidInput(
            f"This password is too long: {length} bytes, where {MAX_BYTES} are possible. "
            "An accented letter takes two, an emoji four."
        )


def hash_password(password: str) -> bytes:
    """Return the hash to store. Raises InvalidInput for a password that check_password refuses."""
    check_password(password)
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(get_settings().password_hash_rounds))


def password_matches(password: str, hashed: bytes | None) -> bool:
    """Compare a password with a stored hash.

    None, for an unknown user, and NO_PASSWORD match nothing, and take the same time.
    """
    given = password.encode(errors="replace")
    has_one = hashed is not None and hashed != NO_PASSWORD
    against = hashed if has_one else _nobodys_hash(get_settings().password_hash_rounds)
    assert against is not None  # noqa: S101 - has_one says so
    # bcrypt refuses to look at more; no such password was ever stored.
    matches = bcrypt.checkpw(given[:MAX_BYTES], against)
    return matches and has_one and len(given) <= MAX_BYTES


@lru_cache
def _nobodys_hash(rounds: int) -> bytes:
    return bcrypt.hashpw(b"nobody has this password", bcrypt.gensalt(rounds))
