"""One message: received, identified, understood, executed, replied to."""
