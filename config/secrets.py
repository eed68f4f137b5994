"""The program's own secrets: which there are, how good ones look, where development keeps them."""

import base64
import json
import os
import secrets
from pathlib import Path

from config.private import private

REQUIRED_SECRETS = ("jwt_secret", "service_key")
AGENT_KEYS = ("agent_token_keys",)
KEY_LISTS = ("jwt_secret", *AGENT_KEYS)  # the first key makes, every one opens
GENERATED_SECRETS = (*REQUIRED_SECRETS, *AGENT_KEYS)
MIN_SECRET_LENGTH = 32  # RFC 7518, section 3.2: an HS256 key is at least 256 bits
KEY_BYTES = 32  # of a Fernet key, which is written in URL-safe base64
WELL_KNOWN_SECRETS = (
    "changeme",
    "change-me",
    "change_me",
    "secret",
    "password",
    "example",
    "your-",
)


def new_secret(name: str) -> str:
    """Return a good value for one of GENERATED_SECRETS, or for a password."""
    if name in AGENT_KEYS:
        return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    return secrets.token_urlsafe(48)


def entries(text: str) -> list[str]:
    """Return the entries of a comma-separated setting, without the blanks around them.

    What is empty is no entry: an empty key would be one that everybody knows.
    """
    return [entry for part in text.split(",") if (entry := part.strip())]


def weakness(name: str, secret: str) -> str | None:
    """Say what is wrong with one of GENERATED_SECRETS; None where nothing is.

    Every key of a list is looked at by itself.
    """
    keys = entries(secret) if name in KEY_LISTS else [secret.strip()]
    if not any(keys):
        return "is missing"
    for number, key in enumerate(keys, 1):
        which = f"(key {number}) " if len(keys) > 1 else ""
        if any(word in key.lower() for word in WELL_KNOWN_SECRETS):
            return f"{which}is a well-known example value"
        if len(key) < MIN_SECRET_LENGTH:
            return f"{which}is shorter than {MIN_SECRET_LENGTH} characters"
    return None


def keys_in(value: str) -> list[str]:
    """Return the Fernet keys of a comma-separated list. Raises ValueError for what is none."""
    keys = entries(value)
    for number, key in enumerate(keys, 1):
        if not _is_fernet_key(key):
            raise ValueError(f"key {number} is no Fernet key; `make secrets` makes a good one")
    return keys


def kept_secrets(folder: Path) -> dict[str, str]:
    """Return development's secrets, which are made where they are missing.

    In two files, so that new secrets for logging in leave the agents' tokens readable. Raises
    ValueError for a file that is damaged.
    """
    return _kept(folder / "secrets.json", REQUIRED_SECRETS, "everyone logs in again") | _kept(
        folder / "agent_keys.json", AGENT_KEYS, "set the agents' tokens again"
    )


def _is_fernet_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, altchars=b"-_", validate=True)) == KEY_BYTES
    except ValueError:
        return False


def _kept(path: Path, names: tuple[str, ...], loss: str) -> dict[str, str]:
    """Return the secrets in a file, which is made where it does not exist yet.

    Two processes that start together agree: the file appears whole, by a link that only one of
    them can make.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}.{secrets.token_hex(4)}.tmp")
        try:
            with open(draft, "x", opener=private) as file:
                json.dump({name: new_secret(name) for name in names}, file)
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first; its secrets are the ones that count
        finally:
            draft.unlink(missing_ok=True)
    try:
        kept = json.loads(path.read_text("utf-8"))
        return {name: str(kept[name]) for name in names}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged; delete it and {loss}") from error
