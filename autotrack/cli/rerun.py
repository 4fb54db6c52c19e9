"""`autotrack rerun`: do a recorded run again, and compare."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autotrack.cli.json_output import print_json
from autotrack.cli.screen import Column, Screen, Styled, say
from autotrack.cli.session import Session, reads_store
from autotrack.words import number, plural

if TYPE_CHECKING:
    from autotrack.reproduction.difference import Difference
    from autotrack.reproduction.evidence import Evidence
    from autotrack.stored_run import StoredRun


@click.command()
@click.argument("run")
@click.option(
    "-P", "params", multiple=True, metavar="NAME=VALUE", help="Another value of an argument; may be repeated."
)
@click.option("--here", "as_is", is_flag=True, help="Run the code as it is now in its working tree; restore nothing.")
@click.option(
    "--env", "kind", type=click.Choice(["uv", "venv", "conda"]), help="Make an environment with its versions."
)
@click.option(
    "--link", "links", multiple=True, metavar="PATH", help="Link a file or folder that git ignores, such as data."
)
@click.option("--keep", metavar="PATH", help="Restore the code into this new directory, and keep it.")
@reads_store
def rerun(
    session: Session,
    *,
    run: str,
    params: tuple[str, ...],
    as_is: bool,
    kind: str | None,
    links: tuple[str, ...],
    keep: str | None,
    as_json: bool,
) -> int:
    """Do a RUN again: same code, same arguments, same entry point.

    The code is restored in a directory of its own: its commit, its uncommitted changes, its untracked files. This runs
    the recorded program on your machine. Exits with the status of the program.
    """
    from autotrack.reproduction.checkout import restore
    from autotrack.reproduction.command_line import new_arguments
    from autotrack.reproduction.evidence import read_evidence, root_of
    from autotrack.reproduction.interpreter import differing_packages, make_interpreter
    from autotrack.reproduction.rerun import here, link, runs_again, start

    original = root_of(session.history.get(run))
    evidence = read_evidence(original)
    arguments = new_arguments(evidence.entry, _changes(params))
    folder = Path(tempfile.mkdtemp(prefix="autotrack-rerun-"))
    try:
        tree = here(evidence.entry) if as_is else (Path(keep).absolute() if keep else folder / "code")
        if not as_is and evidence.entry.commit:
            restore(evidence, tree)
        tree.mkdir(parents=True, exist_ok=True)
        for path in links:
            link(evidence.entry, path, tree)
        python = make_interpreter(kind, evidence.environment, folder / "environment") if kind else None
        _warn(evidence, {} if kind else differing_packages(evidence.environment))
        before = {other.id for other in runs_again(session.history, original)}
        status = start(original, evidence, arguments=arguments, tree=tree, python=python)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    session.history.catch_up()
    new = next((other for other in runs_again(session.history, original) if other.id not in before), None)
    if new is None:
        say(f"autotrack: the program ended with status {status}, and {session.history.place.label} has no run of it")
        return status or 1
    _report(original, new, as_json=as_json)
    return status


def _changes(params: Sequence[str]) -> dict[str, str]:
    for param in params:
        if "=" not in param:
            raise click.BadParameter(f"{param!r} is not NAME=VALUE", param_hint="-P")
    return dict(param.split("=", 1) for param in params)


def _warn(evidence: Evidence, packages: dict[str, tuple[str, str | None]]) -> None:
    """Say on stderr what may make the new run another one."""
    entry = evidence.entry
    if packages:
        first = ", ".join(f"{name} {old} (here {new or 'none'})" for name, (old, new) in list(packages.items())[:5])
        say(f"autotrack: {plural(len(packages), 'package')} in other versions: {first}; --env makes the recorded ones")
    if entry.redacted:
        say(f"autotrack: {plural(entry.redacted, 'secret')} in code or arguments were masked and are *** now")
    if entry.left_out:
        say(f"autotrack: not recorded with the code: {', '.join(entry.left_out[:5])}")


def _report(original: StoredRun, new: StoredRun, *, as_json: bool) -> None:
    from autotrack.reproduction.difference import compare_data, compare_metrics

    metrics, data = compare_metrics(original, new), compare_data(original, new)
    if as_json:
        print_json({"original": original.attributes(), "rerun": new.attributes(), "metrics": metrics, "data": data})
        return
    screen = Screen()
    screen.heading("metrics")
    columns = [Column("", flexible=True), *(Column(run.name, right=True) for run in (original, new)), Column("")]
    screen.table(columns, [_row(row) for row in metrics], indent=2)
    known = bool(original.datasets)
    screen.heading("data", "not recorded" if not known else "the same" if not data else "")
    for row in data:
        screen.line(f"  {row.name}: ", Styled(f"{row.before or 'none'} → {row.after or 'none'}", "yellow"))
    screen.line()
    screen.line(f"{new.name} {new.id} does {original.name} {original.id} again: {new.status}")


def _row(row: Difference) -> list[str | Styled]:
    from autotrack.reproduction.difference import same

    texts = ["none" if value is None else number(value) for value in (row.before, row.after)]
    return [
        row.name,
        *texts,
        Styled("identical", "green") if same(row.before, row.after) else Styled("differs", "yellow"),
    ]
