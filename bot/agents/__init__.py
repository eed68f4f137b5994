"""What answers a message: one file an agent type."""
