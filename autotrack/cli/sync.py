"""`autotrack sync`: deliver what waits on disk, or copy a stored run to another place."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import click

from autotrack.cli.json_output import print_json
from autotrack.cli.screen import say
from autotrack.cli.session import Session, reads_store
from autotrack.errors import RetryableError, SettingsError, StoreUnavailableError
from autotrack.words import plural

if TYPE_CHECKING:
    from pathlib import Path

    from autotrack.backends.base import Backend, BackendContext
    from autotrack.home import Home
    from autotrack.settings import Settings
    from autotrack.stored_run import StoredRun

ATTEMPTS = 3


@click.command()
@click.argument("run", required=False)
@click.option("--to", metavar="PATH|URL", help="Deliver to this place instead of where the runs were meant to go.")
@reads_store
def sync(session: Session, *, run: str | None, to: str | None, as_json: bool) -> None:
    """Deliver what waits on disk, or copy a RUN.

    Journals that ended processes have left are delivered where they were meant to go, or --to another place. With a
    RUN and --to, a stored run is copied there, with its child runs; doing it again copies nothing twice.
    """
    to = None if to is None else _address(to)
    if run is not None and to is not None:
        _copy(session, run, to, as_json=as_json)
    else:
        _deliver(session, run, to, as_json=as_json)


def _address(to: str) -> str:
    from autotrack.setting_values import expand_target

    try:
        return expand_target(to)
    except ValueError as error:
        raise SettingsError(f"--to {to}: {error}") from None


def _deliver(session: Session, run: str | None, to: str | None, *, as_json: bool) -> None:
    from autotrack.backends import check_target
    from autotrack.home import Home
    from autotrack.sync import recover_into, waiting_journals
    from autotrack.targets import home_root

    if to is not None:
        check_target(to)
    home = Home(home_root(session.settings).absolute())
    run_id = session.history.get(run).id if run else None
    waiting = [journal for journal in waiting_journals(home) if run_id in {None, journal.run_id}]
    names = {name for journal in waiting for name in journal.pending if not journal.alive}
    connectors = _connectors([to] if to else sorted(names), session.settings, home)
    with progress_bar("delivering" if names else "") as progress:
        done = recover_into(
            home, connectors, run_id=run_id, anything=to is not None, attempts=ATTEMPTS, progress=progress
        )
    left = [journal for journal in waiting_journals(home) if run_id in {None, journal.run_id}]
    alive = sum(journal.alive for journal in left)
    if as_json:
        print_json(
            {"delivered": done.journals, "parked": done.parked, "errors": done.errors, "waiting": len(left) - alive}
        )
    else:
        say(f"delivered {plural(done.journals, 'journal')}" if waiting and names else "nothing waits to be delivered")
        if alive:
            say(f"{plural(alive, 'journal')} of running processes, which deliver by themselves")
        if done.parked:
            say(f"{plural(done.parked, 'record')} refused for good, kept in {home.journals / 'parked'}")
    if done.errors:
        reasons = "; ".join(f"{target}: {reason}" for target, reason in done.errors.items())
        raise StoreUnavailableError(f"{plural(len(left) - alive, 'journal')} still on disk. {reasons}")


def _connectors(targets: list[str], settings: Settings, home: Home) -> dict[str, Callable[[], Backend]]:
    """Return what opens each target; the settings know the passwords that journals do not."""
    from autotrack.backends import open_backend
    from autotrack.backends.base import BackendContext
    from autotrack.targets import target_name, target_url

    known = {target_name(target): target for target in settings.to}
    context = BackendContext(home=home.root, artifacts=home.artifacts)

    def connector(target: str) -> Callable[[], Backend]:
        url = known.get(target, target)
        return lambda: open_backend(target_url(url, home) if target == "home" else url, context)

    return {target_name(target) if target != "home" else target: connector(target) for target in targets}


def _copy(session: Session, reference: str, to: str, *, as_json: bool) -> None:
    from autotrack.backends import open_backend, redact_url
    from autotrack.replay import replay

    run = session.history.get(reference)
    runs = [run, *below(run)]
    target, context = _destination(session.history.home, to, runs)
    records = 0
    with closing(open_backend(target, context)) as backend, session.history.reading() as store:
        for one in runs:
            with progress_bar(one.name) as progress:
                try:
                    records += replay(store, one.id, backend, progress)
                except RetryableError as error:
                    raise StoreUnavailableError(f"{redact_url(to)}: {error}. Run the same command again") from error
    if as_json:
        print_json({"runs": [one.id for one in runs], "records": records})
    else:
        say(f"copied {plural(len(runs), 'run')} to {redact_url(to)}")


def below(run: StoredRun) -> Iterator[StoredRun]:
    """Yield the children of a run, and theirs."""
    for child in run.children():
        yield child
        yield from below(child)


def _destination(home: Home, to: str, runs: list[StoredRun]) -> tuple[str, BackendContext]:
    """Return the URL to write to; for a directory, which becomes a home of its own, bring the files there first."""
    from pathlib import Path

    from autotrack.backends import check_target
    from autotrack.backends.base import BackendContext
    from autotrack.home import Home
    from autotrack.targets import is_path, target_url

    check_target(to)
    if not is_path(to):
        return to, BackendContext(home=home.root, artifacts=home.artifacts)
    other = Home(Path(to).expanduser().absolute()).create()
    for run in runs:
        _copy_files(home.run_artifacts(run.id), other.run_artifacts(run.id))
    return target_url(to, other), BackendContext(home=other.root, artifacts=other.artifacts)


def _copy_files(source: Path, target: Path) -> None:
    if source.is_dir() and source != target:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows progress on the terminal behind stderr; without one or a title, it does nothing."""
    if not what or not sys.stderr.isatty():
        yield lambda done, total: None  # noqa: ARG005
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
