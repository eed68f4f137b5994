"""Background work that falls due."""
