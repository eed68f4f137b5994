"""Local understanding: sentence templates matched without a model."""
