"""What the author of a domain imports."""
