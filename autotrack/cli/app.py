"""The command `autotrack`: its subcommands, loaded when called, and what each error means for the exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from autotrack import __version__
from autotrack.cli.lazy_group import LazyGroup
from autotrack.cli.session import Session, store_option
from autotrack.errors import (
    AutotrackError,
    FilterError,
    ModelNotFoundError,
    RegistryError,
    RunNotFoundError,
    SettingsError,
    StoreError,
    UnknownBackendError,
)

COMMANDS = {
    "run": "run",
    "init": "init",
    "ls": "ls",
    "show": "show",
    "ui": "ui",
    "server": "server",
    "compare": "compare",
    "diff": "diff",
    "rerun": "rerun",
    "models": "models",
    "export": "export",
    "import": "import_",
    "rm": "trash",
    "restore": "trash",
    "sync": "sync",
    "doctor": "doctor",
    "env": "env",
}
"""The module of each command."""

EXIT_CODES: tuple[tuple[type[AutotrackError], int], ...] = (
    (FilterError, 2),
    (SettingsError, 2),
    (UnknownBackendError, 2),
    (RegistryError, 2),
    (RunNotFoundError, 3),
    (ModelNotFoundError, 3),
    (StoreError, 4),
    (AutotrackError, 1),
)
"""The exit code of each kind of error; the first that fits counts."""


class Commands(LazyGroup):
    """A group that turns errors into a message and an exit code."""

    def main(
        self, args: Sequence[str] | None = None, prog_name: str | None = None, *_: Any, **options: Any
    ) -> NoReturn:
        """Run a command and end the process.

        A command may return a function: it is called when nothing of click is on the stack any more, because a user's
        program must not meet our command line there.
        """
        try:
            result = super().main(args, prog_name, **{**options, "standalone_mode": False})
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted", err=True)
            sys.exit(130)
        except BrokenPipeError:  # the reader, such as `head`, has seen enough
            sys.stdout = None  # so that nothing is flushed at exit
            sys.exit(0)
        except AutotrackError as error:
            click.secho(f"autotrack: {error}", err=True)
            sys.exit(next(code for kind, code in EXIT_CODES if isinstance(error, kind)))
        except OSError as error:  # a file or folder the user named; it says which
            click.secho(f"autotrack: {error.filename or 'the system'}: {error.strerror or error}", err=True)
            sys.exit(1)
        if callable(result):
            result()
        sys.exit(result if isinstance(result, int) else 0)


@click.group(cls=Commands, modules=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@store_option
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def commands(ctx: click.Context, store: str | None) -> None:
    """Look at recorded training runs, and record scripts that do not know about autotrack.

    A RUN is its id, the unique beginning of one, its name, or @last: the last one that is no part of another.
    """
    ctx.obj = Session(store)
