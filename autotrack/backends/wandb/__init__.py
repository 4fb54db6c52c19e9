"""Weights & Biases: runs through its own SDK, which lives in a process of its own."""
