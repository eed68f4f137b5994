"""Passwords, and the chat accounts that speak for users."""
