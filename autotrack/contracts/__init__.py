"""The parts of `autotrack.testing`, one thing a module."""
