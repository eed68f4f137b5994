"""User names: which there may be, by PRECIS (RFC 8265), and which look alike."""

import unicodedata
from functools import cache
from typing import Any

from core.errors import InvalidInput

MAX_NAME = 255
EAST_ASIAN = {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO"}
"""Scripts that are written together, and with Latin: Unicode's UTS 39, "highly restrictive"."""
# Small letters of Cyrillic and Greek, and the Latin ones that they look like: from UTS 39's
# confusables.txt, those that can't be told apart at a glance.
LOOK_ALIKES = str.maketrans("аеорсухіјѕһԁԛԝьονιρυκѵ", "aeopcyxijshdqwbovipukv")


def check_username(username: str) -> str:
    """Return a name in the form that is stored: PRECIS, single blanks, upper case as it was.

    Raises InvalidInput for one that is empty, too long, has characters that can't be seen or are
    no letters, digits or common signs, or mixes alphabets.
    """
    plain = as_before(username)
    parts = [part for part in plain.split(" ") if part]
    if len(plain) > MAX_NAME:
        raise InvalidInput(f"A user name has at most {MAX_NAME} characters.")
    if not parts:
        raise InvalidInput("A user name can't be empty.")
    try:
        name = " ".join(_profile().enforce(part) for part in parts)
    except UnicodeEncodeError as error:
        code = f"U+{ord(error.object[error.start]):04X}"
        raise InvalidInput(f"A user name can't have the character {code} there.") from error
    scripts = {_script(letter) for letter in name if unicodedata.category(letter)[0] == "L"}
    scripts -= {"MODIFIER"}
    if len(scripts) > 1 and not scripts <= EAST_ASIAN | {"LATIN"}:
        raise InvalidInput("A user name can't mix letters of different alphabets.")
    return name


def as_before(username: str) -> str:
    """Return a name as accounts had it before there were these rules: they keep working."""
    return unicodedata.normalize("NFC", username).strip()


def name_key(username: str) -> str:
    """Return what is equal for names that look alike, whatever the text: it never raises.

    Case, width, blanks and what can't be seen make no difference, nor do LOOK_ALIKES.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold())
    seen = "".join(letter for letter in plain if unicodedata.category(letter) != "Cf")
    return " ".join(seen.translate(LOOK_ALIKES).split())[:MAX_NAME]


@cache
def _profile() -> Any:  # noqa: ANN401 - precis_i18n has no types
    """Return the rules for each of a name's parts; importing them takes 50 ms of a start."""
    from precis_i18n import get_profile

    return get_profile("UsernameCasePreserved")


def _script(letter: str) -> str:
    """Return a letter's script: the first word of its name in Unicode, which begins with it."""
    return unicodedata.name(letter, "UNKNOWN").partition(" ")[0]
