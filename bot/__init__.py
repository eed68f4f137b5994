"""The conversation and its transports. Reaches data through the API only."""
