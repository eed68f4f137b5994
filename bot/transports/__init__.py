"""Where messages come from and go to: Discord, the terminal."""
