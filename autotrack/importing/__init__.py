"""Bring the history of other trackers into a store: runs of MLflow, and runs that TensorBoard shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from autotrack.errors import ImportSourceError
from autotrack.importing.found import FoundRun


def find_runs(path: Path) -> Iterator[FoundRun]:
    """Find the runs of an `mlruns` folder, an MLflow SQLite database, or a directory with TensorBoard's event files.

    Args:
        path: The folder or file; it is only read.

    Raises:
        ImportSourceError: There is nothing of the kind.
        MissingDependencyError: A package is needed to read it.
    """
    if path.is_file():
        from autotrack.importing.mlflow_database import read_database

        return read_database(path)
    if not path.is_dir():
        raise ImportSourceError(f"{path} does not exist; name an mlruns folder, an MLflow database or a log directory")
    if any(path.glob("*/meta.yaml")):
        from autotrack.importing.mlruns import read_mlruns

        return read_mlruns(path)
    if any(path.rglob("*tfevents*")):
        from autotrack.importing.event_files import read_event_files

        return read_event_files(path)
    raise ImportSourceError(
        f"{path} holds neither MLflow's experiments (<id>/meta.yaml) nor TensorBoard's event files (*tfevents*)"
    )
