"""`autotrack import`: bring in the history of MLflow or TensorBoard."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from autotrack.cli.json_output import print_json
from autotrack.cli.screen import say
from autotrack.cli.session import Session, reads_store
from autotrack.words import plural


@click.command(name="import")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@reads_store
def import_(session: Session, *, path: Path, as_json: bool) -> None:
    """Import the runs of other trackers.

    PATH is an mlruns folder or a SQLite database of MLflow's, or a directory with TensorBoard's event files; it is only
    read. Runs keep their ids. Importing again brings what is new, and nothing twice.
    """
    from autotrack.backends import open_backend
    from autotrack.backends.base import BackendContext
    from autotrack.home import Home
    from autotrack.importing import find_runs
    from autotrack.importing.bring import bring
    from autotrack.place import find_place
    from autotrack.store.store import Store

    found = find_runs(path)
    place = find_place(session.settings)
    home = Home(place.home.absolute()).create()
    context = BackendContext(home.root, home.artifacts)
    with closing(open_backend(place.url, context)) as backend, Store.open(place.url, create=False) as store:
        brought = bring(found, store, backend, home, lambda run: say(f"{run.id[:8]}  {run.name}"))
    if as_json:
        print_json({"runs": brought.runs, "own": brought.own})
    else:
        say(f"imported {plural(brought.runs, 'run')} from {path} into {place.label}")
        if brought.own:
            say(f"passed over {plural(brought.own, 'run')} that were recorded here")
