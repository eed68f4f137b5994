"""One file a domain: what can be said, and what it does. Found by themselves."""
