"""Log-ins and tokens: who may act as which user."""

import hashlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from cachetools import LRUCache
from jwt.algorithms import HMACAlgorithm
from pydantic import BaseModel, ValidationError

from config.secrets import entries
from config.settings import get_settings
from core import users
from core.accounts.passwords import check_password as check_password
from core.accounts.passwords import password_matches
from core.errors import NotAuthenticated

TOKEN_LIFETIME = timedelta(hours=1)
LEEWAY = 60  # seconds by which the clocks of two machines may differ, or one may be set back
ALGORITHM = "HS256"
SIGNATURES_KEPT = 10_000


@dataclass(frozen=True)
class Caller:
    """Whom a token speaks for, and the chat that it was made for, if any."""

    user_uuid: UUID
    username: str
    chat_account_id: UUID | None = None
    role: str = "user"  # or admin


class Claims(BaseModel, strict=True):
    """What a token says: RFC 7519, section 4.1, and two claims of our own."""

    sub: UUID
    exp: float
    iat: float = 0
    nbf: float = 0
    aud: None = None  # tokens for a certain audience are none of ours
    ver: int = 0
    chat: UUID | None = None

    def in_force(self) -> bool:
        """Tell whether now is the time of this token."""
        return max(self.iat, self.nbf) - LEEWAY <= time.time() < self.exp


class _KnownKeys(HMACAlgorithm):
    """HS256 without asking for every token whether the secret may be a certificate after all."""

    def prepare_key(self, key: str | bytes) -> bytes:
        """Return the key as it is used."""
        return key.encode() if isinstance(key, str) else key


_tokens = jwt.PyJWS()
_tokens.unregister_algorithm(ALGORITHM)
_tokens.register_algorithm(ALGORITHM, _KnownKeys(HMACAlgorithm.SHA256))


def get_login_token(
    username: str, password: str, lifetime: timedelta = TOKEN_LIFETIME
) -> str | bool:
    """Return a token, or False. An unknown user takes as long as a wrong password."""
    user = users.find_user_by_name(username)
    matches = password_matches(password, user["password_hashed"] if user else None)
    return issue_token(user, lifetime=lifetime) if user and matches else False


def issue_token(
    user: dict[str, Any],
    chat_account_id: UUID | None = None,
    lifetime: timedelta = TOKEN_LIFETIME,
) -> str:
    """Sign a token for a row of users, and the chat it is for, if any."""
    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        "sub": str(user["id"]),
        "name": user["username"],
        "ver": user["token_version"],
        "iat": now,
        "exp": now + lifetime,
    }
    if chat_account_id is not None:
        claims["chat"] = str(chat_account_id)
    return jwt.encode(claims, _secrets()[0], algorithm=ALGORITHM)


def read_token(token: str) -> Caller:
    """Return whom a token speaks for.

    Raises NotAuthenticated for one that has expired or is not signed by us, and where the user's
    tokens were ended since or the user is gone.
    """
    claims = _verified(token)
    found = users.find_callers([claims.sub])
    caller = _caller(claims, found.get(claims.sub))
    if caller is None:
        raise NotAuthenticated
    return caller


def read_tokens(tokens: Sequence[str]) -> list[Caller | None]:
    """Return whom each token speaks for, None for those that read_token refuses; in one query."""
    claimed: list[Claims | None] = []
    for token in tokens:
        try:
            claimed.append(_verified(token))
        except NotAuthenticated:
            claimed.append(None)
    found = users.find_callers({claims.sub for claims in claimed if claims})
    return [_caller(claims, found.get(claims.sub)) if claims else None for claims in claimed]


def _caller(claims: Claims, user: dict[str, Any] | None) -> Caller | None:
    if user is None or user["token_version"] != claims.ver:
        return None
    return Caller(user["id"], user["username"], claims.chat, user["role"])


def verify_login_token(
    login_token: str,
    username: str | bool = False,
    userUUID: UUID | str | bool = False,  # noqa: N803 - as documented
) -> bool:
    """Tell whether a token is good and this user's, who is named by one of the two or by both."""
    if username is False and userUUID is False:
        return False
    try:
        caller = read_token(login_token)
    except NotAuthenticated:
        return False
    if username is not False and username != caller.username:
        return False
    return userUUID is False or str(userUUID).lower() == str(caller.user_uuid)


def get_user_password_hash(userUUID: UUID | str) -> bytes | None:  # noqa: N803 - as documented
    """Return the stored hash, or None where there is no such user."""
    user = users.find_user(userUUID)
    return user["password_hashed"] if user else None


def unregister_user(
    userUUID: UUID | str,  # noqa: N803 - as documented
    password: str,
    *,
    now: datetime | None = None,
) -> bool:
    """Delete a user with all that is theirs, if the password is right."""
    user = users.find_user(userUUID)
    matches = password_matches(password, user["password_hashed"] if user else None)
    return user is not None and matches and users.delete_user(user["id"], now=now)


def end_sessions(user_uuid: UUID | str) -> bool:
    """Make every token that a user has invalid; False where there is no such user."""
    return users.end_tokens(user_uuid)


def _secrets() -> list[str]:
    """Return the keys: the first signs, every one verifies, so that they can be changed in turn."""
    return entries(get_settings().jwt_secret.get_secret_value())


class _Signatures:
    """The claims of tokens whose signature was found good, by the tokens' hashes.

    Nothing else is known of a token by them: whether it is in force, whether it was revoked and
    whether there is its user still are asked each time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._claims: LRUCache[tuple[bytes, str], Claims] = LRUCache(SIGNATURES_KEPT)

    def claims(self, token: str) -> Claims:
        """Return what a token says that one of our keys has signed. Raises NotAuthenticated."""
        keys = get_settings().jwt_secret.get_secret_value()
        try:
            name = hashlib.sha256(token.encode()).digest(), keys
        except UnicodeError as error:
            raise NotAuthenticated from error
        with self._lock:
            known = self._claims.get(name)
        if known is None:
            known = _signed(token)
            with self._lock:
                self._claims[name] = known
        return known


_signatures = _Signatures()


def _verified(token: str) -> Claims:
    """Return the claims of a token that is ours and in force. Raises NotAuthenticated."""
    claims = _signatures.claims(token)
    if not claims.in_force():
        raise NotAuthenticated
    return claims


def _signed(token: str) -> Claims:
    for secret in _secrets():
        try:
            return Claims.model_validate_json(_tokens.decode(token, secret, [ALGORITHM]))
        except jwt.InvalidSignatureError:
            continue  # perhaps signed with an older one
        except (jwt.InvalidTokenError, ValidationError, UnicodeError) as error:
            raise NotAuthenticated from error
    raise NotAuthenticated


getLoginToken = get_login_token  # noqa: N816
verifyLoginToken = verify_login_token  # noqa: N816
getUserpasswordHash = get_user_password_hash  # noqa: N816
unregisterUser = unregister_user  # noqa: N816
