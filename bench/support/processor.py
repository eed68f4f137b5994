"""What processes use: of the processor, and of memory."""

import os

import psutil

PLAIN = {"PYTHONFAULTHANDLER": "1"}
"""For tests.support.process: a plain Python, not one forked with every library imported."""


def cpu_seconds(process: psutil.Process) -> float:
    """Return the processor's seconds that a process and its children have used.

    Children that run now are left out for the process that measures: they are what it measures.
    """
    children = () if process.pid == os.getpid() else process.children()
    times = [one.cpu_times() for one in (process, *children)]
    ended = times[0].children_user + times[0].children_system
    return sum((one.user + one.system for one in times), ended)
