"""The database: can it be reached, is it up to date."""

from pathlib import Path

from cli.checks import Finding, Findings
from config.settings import Settings
from core import migrations
from core.database import Database
from core.errors import AppError

SUBJECT = "Database"


def database(settings: Settings) -> Findings:
    """Check that the database answers and has every migration. Makes and changes nothing."""
    url = settings.sqlalchemy_url
    shown = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        return [Finding("good", SUBJECT, f"{shown} is made at the first start")]
    try:
        opened = Database(url, pool_size=1)
        try:
            return [_state(opened, shown)]
        finally:
            opened.close()
    except AppError as error:
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        advice = "Is it running, and are DATABASE_URL or the DB_ settings right?"
        return [Finding("bad", SUBJECT, f"{shown} can't be used: {reason}", advice)]


def _state(database: Database, shown: str) -> Finding:
    current, newest = migrations.current(database), migrations.head()
    if current == newest:
        return Finding("good", SUBJECT, f"{shown} is up to date ({current})")
    at = f"{shown} is at {current or 'its beginning'}, the program at {newest}"
    if current is not None and current > str(newest):
        return Finding("bad", SUBJECT, at, "It is newer than the program: update the program.")
    return Finding("warning", SUBJECT, at, "The next start brings it up to date, or `db upgrade`.")
