"""The English words for numbers, lengths of time and points in time."""
