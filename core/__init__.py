"""What the API and the scheduler share: rows in, rows out. Knows no HTTP framework."""
