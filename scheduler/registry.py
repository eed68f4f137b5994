"""How a function becomes a scheduled job.

In a file of `scheduler/jobs/`, which is found by itself:

    @job(cron="30 7 * * 1-5", zone="Europe/Berlin")
    def greet() -> None:
        ...

In a program of one's own: `register_job("greet", greet, interval=60)`, before the daemon runs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TypeVar

from scheduler.runner import LIMIT, JobFunction

Function = TypeVar("Function", bound=Callable[[], object])


@dataclass(frozen=True)
class Registration:
    """A job, and when it is due: every so many seconds, or by a cron line in a zone.

    Neither means every POLL_INTERVAL, no zone means TIME_ZONE. `limit` is in seconds.
    """

    name: str
    function: JobFunction
    interval: float | None = None
    cron: str | None = None
    zone: str | None = None
    limit: float = LIMIT


registered: list[Registration] = []
"""The jobs of the program that runs the daemon, beside those in files."""


def register_job(
    name: str,
    function: JobFunction,
    interval: float | None = None,
    *,
    cron: str | None = None,
    zone: str | None = None,
    limit: float = LIMIT,
) -> None:
    """Run a function every `interval` seconds (else POLL_INTERVAL), or by a cron line in a zone.

    Daemons that run beside each other share it by its name.
    """
    registered.append(Registration(name, function, interval, cron, zone, limit))


def job(
    interval: float | None = None,
    *,
    cron: str | None = None,
    zone: str | None = None,
    limit: float = LIMIT,
) -> Callable[[Function], Function]:
    """Make a function of a file in scheduler/jobs/ a job, called by file and function."""

    def mark(function: Function) -> Function:
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        registration = Registration(name, function, interval, cron, zone, limit)
        function.__dict__["registration"] = registration
        return function

    return mark


def jobs_in(module: ModuleType) -> list[Registration]:
    """Return the jobs that are defined in a module."""
    found = (getattr(value, "registration", None) for value in vars(module).values())
    return [one for one in found if isinstance(one, Registration)]
