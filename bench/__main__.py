"""Run every measurement: `python -m bench`, or some: `python -m bench crud api`."""

import os
import sys
from importlib import import_module

MEASUREMENTS = (
    "crud",
    "pages",
    "api",
    "servers",
    "sentences",
    "crowd",
    "chat",
    "deliveries",
    "engines",
    "memory",
    "agents",
    "reconnects",
    "growth",
)

# What is measured is the work, not the limit on it; the processes that are started inherit these.
UNLIMITED = "1000000000 per minute"
os.environ.update(RATE_LIMIT=UNLIMITED, RATE_LIMIT_LOGIN=UNLIMITED)

for name in sys.argv[1:] or MEASUREMENTS:
    import_module(f"bench.{name}").main()
