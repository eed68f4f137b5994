"""What `manage.py doctor` looks at. A check returns findings and never shows a secret."""

from typing import Literal, NamedTuple

Mark = Literal["good", "unused", "warning", "bad"]


class Finding(NamedTuple):
    """One line of the report; `advice` says what to do next, where something is to be done."""

    mark: Mark
    subject: str
    what: str
    advice: str = ""


Findings = list[Finding]
