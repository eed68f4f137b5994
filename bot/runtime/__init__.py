"""What keeps agents running."""
