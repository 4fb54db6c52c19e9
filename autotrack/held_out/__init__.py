"""Held-out data: which run trained which model, and which model made which array, for every library."""
