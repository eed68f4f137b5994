"""Settings, logging, the clock: what every package may import."""
