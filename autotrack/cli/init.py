"""`autotrack init`: a new project from a template."""

from __future__ import annotations

from pathlib import Path

import click

from autotrack.cli.json_output import print_json
from autotrack.cli.screen import say
from autotrack.cli.session import json_option
from autotrack.templates import PACKAGES, write_project
from autotrack.words import plural


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), default=".")
@click.option(
    "-t", "--template", type=click.Choice(tuple(PACKAGES)), default="sklearn-tabular", show_default=True, help="Which."
)
@click.option("--name", metavar="NAME", help="Of the project and its model; by default that of the folder.")
@json_option
def init(*, directory: Path, template: str, name: str | None, as_json: bool) -> None:
    """Write a project into DIRECTORY: data, model, evaluation with criteria, registration, predictions, tests, CI."""
    wanted = name or directory.resolve().name.lower().replace(" ", "-")
    files = write_project(template, directory, wanted)
    if as_json:
        print_json([path.as_posix() for path in files])
        return
    say(f"wrote {plural(len(files), 'file')} to {directory}: README.md says what they do; `python train.py` trains")
