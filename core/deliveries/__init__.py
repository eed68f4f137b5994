"""Messages on their way to people: where to, when, and what becomes of those that fail."""
