"""autotrack: one line, and every training run in a Python process is recorded."""
