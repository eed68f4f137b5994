"""How every process starts and is told to stop."""

import gc
import signal
import threading

from config.settings import Settings, get_settings
from runtime.logs import configure_logging

GC_THRESHOLDS = (10_000, 10, 10)
"""Python's own are (700, 10, 10). With its 700 a thousand orders at once cost a fifth more of the
bot's time; with more than 10 passes before one at older objects, each of those took 0.5 s, and what
a reconnect leaves behind piled up (`python -m bench reconnects`)."""


def start() -> Settings:
    """Read the settings and set up logging. Raises ConfigError, which says what to change."""
    settings = get_settings()
    configure_logging(settings)
    return settings


def stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT (Ctrl-C) set from now on."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def tune_garbage_collector() -> None:
    """Have Python's garbage collector pass over what is loaded by now, and look at the rest less.

    When a thousand people write at once, it would look a dozen times at all that is under way: for
    0.1 to 0.2 s each, in which no heartbeat goes out and no request is answered. It is there for
    objects that refer to each other in a circle; all others go at once, without it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
