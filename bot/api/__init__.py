"""Every call to the API."""
