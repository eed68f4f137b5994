"""Settings, logging, the clock: what every other room may import."""
