"""What differs between PostgreSQL, SQLite, MySQL and MariaDB."""
