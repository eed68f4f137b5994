"""Language models: types, errors, streaming, and a client for each kind of server."""
