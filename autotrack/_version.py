"""The version of this package, and nothing else: the build reads it without importing autotrack."""

__version__ = "0.1.0"
