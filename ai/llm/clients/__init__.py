"""Clients of language models, one for each way that providers speak."""
