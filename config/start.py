"""How every process starts and is told to stop."""

import signal
import sys
import threading

from config.logs import configure_logging
from config.settings import ConfigError, Settings, get_settings


def start() -> Settings:
    """Read the settings and set up logging, or end the process with what to change (exit 2)."""
    try:
        settings = get_settings()
    except ConfigError as error:
        sys.stderr.write(f"The settings can't be used:\n{error}\n")
        raise SystemExit(2) from error
    configure_logging(settings)
    return settings


def stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT (Ctrl-C) set from now on."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
