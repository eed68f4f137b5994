"""Agents' tokens at rest: sealed with Fernet, or a reference to a variable of the environment.

What is stored, sent and shown is the sealed token or `env:NAME`; only who connects to Discord opens
it.
"""

import base64
import hmac
import os
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from config.secrets import keys_in
from config.settings import Settings, settings_file, values_in

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

REFERENCE = "env:"
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
TOKEN = re.compile(r"[!-~]{1,500}")  # visible ASCII; Discord's have some seventy characters
OWN_TOKEN = "DISCORD_BOT_TOKEN"  # noqa: S105 - a setting's name
PROVIDER_KEYS = {
    "OPENROUTER_API_KEY": "openrouter_base_url",
    "OPENAI_API_KEY": "openai_base_url",
    "ANTHROPIC_API_KEY": "anthropic_base_url",
}
"""The settings that are models' keys, and the setting with the one address that each is sent to."""
NO_KEYS = "AGENT_TOKEN_KEYS is not set; `make secrets` makes a key for config/.env"


class SealError(Exception):
    """A token can't be sealed, opened or found; the message says why, without the token."""


class Sealer:
    """Seals and opens tokens with the keys of AGENT_TOKEN_KEYS."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys = keys_in(settings.agent_token_keys.get_secret_value())

    def seal(self, token: str) -> str:
        """Encrypt a token with the first key. Raises SealError without a key."""
        return self._fernet().encrypt(token.encode()).decode()

    def check(self, given: str) -> str:
        """Return a token or reference as it is stored or sealed. Raises SealError."""
        given = given.strip()
        if given.startswith(REFERENCE):
            self._named(given)
        elif not TOKEN.fullmatch(given):
            raise SealError("a token is one word of up to 500 visible characters")
        return given

    def check_key(self, reference: str, address: str | None) -> None:
        """Raise SealError where a model's key that is named so may not be sent to an address.

        None is the provider's own, whichever that is. What stands in the settings goes to the
        address in the settings alone: whoever may change an agent must not have it sent elsewhere.
        """
        name = reference.removeprefix(REFERENCE)
        if name not in PROVIDER_KEYS:
            self._named(reference)
        elif address not in (None, own := getattr(self._settings, PROVIDER_KEYS[name])):
            raise SealError(f"{name} is sent to {own} alone; set base_url so, or name another key")

    def key(self, reference: str, address: str) -> str:
        """Return the key of a model at an address. Raises SealError, which says what to do."""
        self.check_key(reference, address)
        return _value(reference.removeprefix(REFERENCE))

    def open(self, stored: str) -> str:
        """Return the token behind what is stored. Raises SealError, which says what to do."""
        if stored.startswith(REFERENCE):
            return _value(self._named(stored))
        from cryptography.fernet import InvalidToken  # here, for the scheduler opens none

        try:
            return self._fernet().decrypt(stored.encode()).decode()
        except InvalidToken:
            raise SealError(
                "the token was sealed with a key that is no longer in AGENT_TOKEN_KEYS; "
                "add that key behind the others, or set the agent's token again"
            ) from None

    def fingerprints(self, token: str) -> list[str]:
        """Return what is equal for tokens of one bot, and tells nothing to who has no key.

        One for each key, that of the first key first. Raises SealError without a key.
        """
        if not self._keys:
            raise SealError(NO_KEYS)
        bot = bot_of(token).encode()
        return [hmac.digest(b"bot of " + key.encode(), bot, "sha256").hex() for key in self._keys]

    def _named(self, reference: str) -> str:
        """Return the variable that an agent refers to. Raises SealError where it may not."""
        name = reference.removeprefix(REFERENCE)
        if not VARIABLE.fullmatch(name):
            raise SealError("a reference is written env:NAME, with the name of a variable")
        if name == OWN_TOKEN:
            return name
        if name.lower() in Settings.model_fields:
            raise SealError(f"{name} is a setting of this program, not an agent's")
        if not any(fnmatchcase(name, allowed) for allowed in self._settings.agent_variables):
            raise SealError(
                f"agents may not use the variable {name}; call it AGENT_{name}, or add it to "
                "AGENT_VARIABLES"
            )
        return name

    def _fernet(self) -> "MultiFernet":
        if not self._keys:
            raise SealError(NO_KEYS)
        from cryptography.fernet import Fernet, MultiFernet

        return MultiFernet([Fernet(key) for key in self._keys])


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


def _value(name: str) -> str:
    """Look a variable up in the environment, then in the file of settings. Raises SealError."""
    secret = os.environ.get(name) or values_in(settings_file()).get(name)
    if not secret:
        raise SealError(f"the variable {name} is not set")
    return secret.strip()
