"""What leaves the database as a file: all rows of it, or all of one user."""
