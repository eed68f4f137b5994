"""What answers a message: one file a kind of agent."""
