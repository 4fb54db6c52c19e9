"""The command line: data on stdout, messages on stderr.

Exit codes: 0 done, 1 error, 2 wrong usage, 3 no such run, 4 the store cannot be used. Each command lives in a module of
its own, which is imported when the command is called.
"""

from __future__ import annotations


def main() -> None:
    """Run the command `autotrack`."""
    from autotrack.cli.app import commands

    commands(prog_name="autotrack")
