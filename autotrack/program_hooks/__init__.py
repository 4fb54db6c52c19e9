"""Hooks on what a program uses beside the library that trains: parsers of arguments, seeds, figures."""
