"""The database: can it be reached, is it up to date."""

from pathlib import Path

from cli.doctor.checks import Finding, Findings
from config.database_url import place_of
from config.settings import Settings
from core import migrations
from core.db.dialects.errors import driver_words
from core.db.engine import Database
from core.errors import AppError, TooNew

SUBJECT = "Database"


def database(settings: Settings) -> Findings:
    """Check that the database answers and has every migration. Makes and changes nothing."""
    url = settings.sqlalchemy_url
    shown = place_of(url)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        return [Finding("good", SUBJECT, f"{shown} is made at the first start")]
    try:
        opened = Database(url, pool_size=1)
        try:
            return [_state(opened, shown)]
        finally:
            opened.close()
    except AppError as error:
        reason = driver_words(error)
        advice = "DATABASE_URL, or the DB_ settings, say where it is and who may use it."
        return [Finding("bad", SUBJECT, f"{shown} can't be used: {reason}", advice)]


def _state(database: Database, shown: str) -> Finding:
    state, newest = migrations.state(database), migrations.head()
    if state.revision == newest:
        return Finding("good", SUBJECT, f"{shown} is up to date ({newest})")
    at = f"{shown} is at {state.revision or 'its beginning'}, the program at {newest}"
    try:
        if migrations.is_ahead(state):
            return Finding("warning", SUBJECT, at, "The program can go on; update it soon.")
    except TooNew:
        return Finding("bad", SUBJECT, at, "It is newer than the program: update the program.")
    return Finding("warning", SUBJECT, at, "The next start brings it up to date, or `db upgrade`.")
