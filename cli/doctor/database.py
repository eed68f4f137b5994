"""The database: can it be reached, is it up to date."""

from pathlib import Path

from config.database_url import place_of
from config.settings import Settings
from core.checks import Finding, Findings, of_database
from core.db.dialects.errors import driver_words
from core.db.engine import Database
from core.errors import AppError

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
            return [of_database(opened)]
        finally:
            opened.close()
    except AppError as error:
        reason = driver_words(error)
        advice = "DATABASE_URL, or the DB_ settings, say where it is and who may use it."
        return [Finding("bad", SUBJECT, f"{shown} can't be used: {reason}", advice)]
