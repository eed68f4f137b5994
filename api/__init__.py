"""The HTTP interface: JSON in, JSON out, every protected route behind a bearer token."""
