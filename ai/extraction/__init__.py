"""From a model's answer to a command: prompt, JSON, validation."""
