"""Times in people's words, resolved in their zone."""
