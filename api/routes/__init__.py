"""One file a domain: its table, its models, its routes. Found by themselves."""
