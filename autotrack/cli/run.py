"""`autotrack run`: record an unmodified script or module."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from autotrack.cli.screen import say


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--to", multiple=True, metavar="PATH|URL", help="Where the runs go; may be given several times.")
@click.option("-e", "--experiment", metavar="NAME", help="Experiment of the runs.")
@click.option("--name", metavar="NAME", help="Name of the runs.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag of the runs; may be given several times.")
@click.option("-m", "module", metavar="MODULE", help="Run a module, as in `python -m`.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="SCRIPT [ARGUMENTS]...")
@click.pass_obj
def run(
    session: Any,
    *,
    to: tuple[str, ...],
    experiment: str | None,
    name: str | None,
    tags: tuple[str, ...],
    module: str | None,
    command: tuple[str, ...],
) -> Callable[[], None]:
    """Run a script and record its trainings.

    Arguments, `__main__`, output and exit status are those of `python SCRIPT ARGUMENTS`.
    """
    if module is None and not command:
        raise click.UsageError("name a script, or a module with -m")
    from autotrack.api import enable
    from autotrack.cli.program import Program

    targets = to or ((session.store,) if session.store else None)
    program = Program(module or command[0], command if module else command[1:], is_module=module is not None)
    enable(targets, experiment=experiment, run_name=name, tags=_tags(tags))
    return partial(program.run, _finish)


def _tags(tags: tuple[str, ...]) -> dict[str, str] | None:
    for tag in tags:
        if "=" not in tag:
            raise click.BadParameter(f"{tag!r} is not KEY=VALUE", param_hint="--tag")
    return dict(tag.split("=", 1) for tag in tags) or None


def _finish(error: BaseException | None) -> None:
    """End the runs the program has left open with the outcome of the program, and say where everything is."""
    from autotrack import recording

    recorder = recording.open_recorder()
    if recorder is not None:
        for open_run in list(recorder.runs.values()):
            open_run.end_with(error)
    settings = recording.current_settings()
    if settings.quiet or settings.disabled:
        return
    if recorder is None:
        say("autotrack: nothing was recorded; `autotrack doctor` says which libraries are, and why others are not")
    else:
        say(f"autotrack: recorded in {recorder.home.root}; look with `autotrack ls`")
