"""What the measurements share: processes, load, and the time of processors."""
