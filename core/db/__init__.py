"""The data layer: engine, compiled statements, types, and what differs between databases."""
