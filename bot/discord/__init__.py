"""Discord: the gateway, messages, components, slash commands."""
