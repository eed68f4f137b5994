"""Run every measurement: `python -m bench`, or some: `python -m bench crud api`."""

import sys
from importlib import import_module

MEASUREMENTS = ("crud", "api", "sentences")

for name in sys.argv[1:] or MEASUREMENTS:
    import_module(f"bench.{name}").main()
