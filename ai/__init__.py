"""From text to a command. Knows no database and no Discord."""
