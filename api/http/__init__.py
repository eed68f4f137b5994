"""What every request passes: who calls, how often, errors, JSON, the server."""
