"""`autotrack run`: record an unmodified script or module, or run a project."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import click

from autotrack.cli.screen import say


class RunCommand(click.Command):
    """Options of ours end where a script begins; those of a project may stand behind it, too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; a second time where it names a project."""
        rest = super().parse_args(ctx, list(args))
        if _is_project(ctx.params):
            ctx.params.clear()
            ctx.allow_interspersed_args, ctx.ignore_unknown_options = True, False
            rest = super().parse_args(ctx, list(args))
        return rest


def _is_project(given: Mapping[str, Any]) -> bool:
    from autotrack.projects.source import parse_source

    if given["module"] is not None or not given["command"]:
        return False
    target = given["command"][0]
    asked = any(given[option] for option in ("params", "grid", "entry", "environment"))
    return asked or given["backend"] != "local" or os.path.isdir(target) or parse_source(target) is not None


@click.command(cls=RunCommand, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--to", multiple=True, metavar="PATH|URL", help="Where the runs go; may be given several times.")
@click.option("--experiment", metavar="NAME", help="Experiment of the runs.")
@click.option("-e", "short", metavar="NAME", help="Of a project, the same as --entry; of a script, as --experiment.")
@click.option("--name", metavar="NAME", help="Name of the runs.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag of the runs; may be given several times.")
@click.option("-m", "module", metavar="MODULE", help="Run a module, as in `python -m`.")
@click.option("--entry", metavar="NAME", help="Entry point of a project, or one of its scripts; main by default.")
@click.option("-P", "--param", "params", multiple=True, metavar="NAME=VALUE", help="Parameter of a project.")
@click.option("--grid", multiple=True, metavar="NAME=V1,V2", help="Run a project with each of these values.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="How many of them at once.")
@click.option(
    "--env",
    "environment",
    type=click.Choice(["local", "uv", "venv", "conda", "docker"]),
    help="What a project runs in; by default what it asks for.",
)
@click.option(
    "--backend",
    type=click.Choice(["local", "slurm", "kubernetes"]),
    default="local",
    show_default=True,
    help="Where a project runs; for a cluster, the file of a job is written.",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="SCRIPT|DIR|GIT_URL [ARGUMENTS]...")
@click.pass_obj
def run(
    session: Any,
    /,
    *,
    to: tuple[str, ...],
    experiment: str | None,
    short: str | None,
    name: str | None,
    tags: tuple[str, ...],
    module: str | None,
    command: tuple[str, ...],
    **project: Any,
) -> Callable[[], None] | int:
    """Run a script and record its trainings, or run a project.

    Arguments, `__main__`, output and exit status of a script are those of `python SCRIPT ARGUMENTS`. A project is a
    folder or a git repository, GIT_URL[@ref][#subdirectory], whose MLproject or pyproject.toml has entry points; with
    -P, --grid or --env, a script is one, too.
    """
    if module is None and not command:
        raise click.UsageError("name a script, a project, or a module with -m")
    targets = to or ((session.store,) if session.store else None)
    if _is_project({"module": module, "command": command, **project}):
        return _run_project(
            targets, experiment, name, _tags(tags), command, {"entry": project.pop("entry") or short, **project}
        )
    from autotrack.cli.program import Program
    from autotrack.switch import enable

    program = Program(module or command[0], command if module else command[1:], is_module=module is not None)
    enable(targets, experiment=experiment or short, run_name=name, tags=_tags(tags))
    return partial(program.run, _finish)


def _run_project(
    targets: Sequence[str] | None,
    experiment: str | None,
    name: str | None,
    tags: Mapping[str, str] | None,
    command: Sequence[str],
    options: Mapping[str, Any],
) -> int:
    """Run a project. What this process would say of itself (its code, its machine) is said by the program it starts."""
    from autotrack.cli.project import Request, run_project
    from autotrack.settings import resolve

    settings = resolve(to=targets, experiment=experiment, tags=tags, capture=[], log_system_metrics=False).settings
    return run_project(Request(target=command[0], arguments=command[1:], name=name, **options), settings)


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
