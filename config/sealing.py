"""Agents' tokens at rest: sealed with Fernet, or a reference to a variable of the environment.

What is stored, sent and shown is the sealed token or `env:NAME`; only who connects to Discord opens
it.
"""

import base64
import hmac
import os
import re

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from dotenv import dotenv_values

from config.secrets import keys_in
from config.settings import ENV_FILE, Settings

REFERENCE = "env:"
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
TOKEN = re.compile(r"[!-~]{1,500}")  # visible ASCII; Discord's have some seventy characters
OWN_TOKEN = "discord_bot_token"  # noqa: S105 - a setting's name
NO_KEYS = "AGENT_TOKEN_KEYS is not set; `make secrets` prints a key for config/.env"


class SealError(Exception):
    """A token can't be sealed, opened or found; the message says why, without the token."""


class Sealer:
    """Seals and opens tokens with the keys of AGENT_TOKEN_KEYS."""

    def __init__(self, settings: Settings) -> None:
        self._keys = keys_in(settings.agent_token_keys.get_secret_value())

    def seal(self, token: str) -> str:
        """Encrypt a token with the first key. Raises SealError without a key."""
        return self._fernet().encrypt(token.encode()).decode()

    def open(self, stored: str) -> str:
        """Return the token behind what is stored. Raises SealError, which says what to do."""
        if stored.startswith(REFERENCE):
            return _referred(stored)
        try:
            return self._fernet().decrypt(stored.encode()).decode()
        except InvalidToken:
            raise SealError(
                "the token was sealed with a key that is no longer in AGENT_TOKEN_KEYS; "
                "add that key behind the others, or give the agent its token anew"
            ) from None

    def fingerprints(self, token: str) -> list[str]:
        """Return what is equal for tokens of one bot, and tells nothing to who has no key.

        One for each key, that of the first key first. Raises SealError without a key.
        """
        if not self._keys:
            raise SealError(NO_KEYS)
        bot = bot_of(token).encode()
        return [hmac.digest(b"bot of " + key.encode(), bot, "sha256").hex() for key in self._keys]

    def _fernet(self) -> MultiFernet:
        if not self._keys:
            raise SealError(NO_KEYS)
        return MultiFernet([Fernet(key) for key in self._keys])


def check_token(given: str) -> str:
    """Return a token or reference as it is stored or sealed. Raises SealError."""
    given = given.strip()
    if given.startswith(REFERENCE):
        name = given.removeprefix(REFERENCE)
        if not VARIABLE.fullmatch(name):
            raise SealError("a reference is written env:NAME, with the name of a variable")
        if name.lower() in Settings.model_fields and name.lower() != OWN_TOKEN:
            raise SealError(f"{name} is a setting of this program, not an agent's token")
    elif not TOKEN.fullmatch(given):
        raise SealError("a token is one word of up to 500 visible characters")
    return given


def bot_of(token: str) -> str:
    """Return the id of the bot that a token of Discord's belongs to, else the token itself.

    Its first part is the bot's id in base64: two tokens of one bot differ behind it only.
    """
    first, dot, _ = token.partition(".")
    try:
        decoded = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)).decode("ascii")
    except ValueError:
        return token
    return decoded if dot and decoded.isdigit() else token


def _referred(reference: str) -> str:
    """Look a variable up in the environment, then in the file of settings. Raises SealError."""
    name = reference.removeprefix(REFERENCE)
    file = os.environ.get("ENV_FILE", ENV_FILE)
    token = os.environ.get(name) or dotenv_values(file).get(name)
    if not token:
        raise SealError(f"the variable {name}, which holds the token, is not set")
    return token.strip()
