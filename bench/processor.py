"""What processes use: of the processor, and of memory."""

import psutil

PLAIN = {"PYTHONFAULTHANDLER": "1"}
"""For tests.support.process: a plain Python, not one forked with every library imported."""


def cpu_seconds(process: psutil.Process) -> float:
    """Return the processor's seconds that a process and its children have used.

    Children that run now are counted for PostgreSQL alone: it has one for each connection.
    """
    all_of_them = [process, *(process.children() if process.name() == "postgres" else ())]
    times = [one.cpu_times() for one in all_of_them]
    ended = times[0].children_user + times[0].children_system
    return sum((one.user + one.system for one in times), ended)
