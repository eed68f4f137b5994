"""Commands about the database and its rows."""
