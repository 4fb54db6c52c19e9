"""The SQLite database of an MLflow server or client, read with plain SELECTs from a connection that cannot write."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from autotrack.errors import ImportSourceError
from autotrack.importing.found import FoundRun
from autotrack.importing.logged_models import FoundModel, by_run, model_files
from autotrack.importing.mlflow_values import MILLISECOND, MlflowRun
from autotrack.importing.mlruns import local_path
from autotrack.records import MetricsLogged
from autotrack.values import clean_key

_RUNS = """
    SELECT runs.*, experiments.name AS experiment FROM runs JOIN experiments USING (experiment_id)
    WHERE runs.lifecycle_stage = 'active' AND experiments.lifecycle_stage = 'active' ORDER BY start_time, run_uuid
"""
_DATASETS = """
    SELECT name, digest, dataset_schema AS schema, dataset_profile AS profile,
           (SELECT value FROM input_tags AS tag
            WHERE tag.input_uuid = inputs.input_uuid AND tag.name = 'mlflow.data.context') AS context
    FROM inputs JOIN datasets ON dataset_uuid = source_id
    WHERE source_type = 'DATASET' AND destination_type = 'RUN' AND destination_id = ? ORDER BY name, digest
"""
_MODELS = """
    SELECT model_id, name, source_run_id AS run_id, creation_timestamp_ms AS time, artifact_location
    FROM logged_models WHERE lifecycle_stage = 'active'
"""
_POINTS = 'SELECT value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ? AND "key" = ? ORDER BY rowid'


def read_database(path: Path) -> Iterator[FoundRun]:
    """Yield the runs of all experiments, oldest first; deleted ones are left out.

    Raises:
        ImportSourceError: It is no SQLite database of MLflow's.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            yield from _found(database, path)
    except sqlite3.DatabaseError as error:
        raise ImportSourceError(f"{path} cannot be read as an MLflow database (SQLite): {error}") from error


def _found(database: sqlite3.Connection, path: Path) -> Iterator[FoundRun]:
    runs = [(_run(database, row), row["artifact_uri"] or "") for row in database.execute(_RUNS).fetchall()]
    ids = {run.id: run.our_id for run, _ in runs}
    models = by_run(_models(database, path))
    for run, uri in runs:
        run.models = models.get(run.id, {})
        keys = database.execute(
            'SELECT DISTINCT "key" FROM metrics WHERE run_uuid = ? ORDER BY 1', (run.id,)
        ).fetchall()
        points = {clean_key(key): _points(database, run.id, key) for (key,) in keys}
        folder = _local(uri, path)
        run.files_elsewhere = None if folder is not None and folder.is_dir() else run.files_elsewhere
        folder = folder if folder and folder.is_dir() else None
        yield FoundRun(run.our_id, run.name, run.state(ids), points, folder, [*model_files(run.models)])


def _local(uri: str, database: Path) -> Path | None:
    """Return the directory that an address names; MLflow's default, ./mlruns, is relative to its database."""
    found = local_path(uri) if uri else None
    return None if found is None else database.absolute().parent / found


def _models(database: sqlite3.Connection, path: Path) -> Iterator[FoundModel]:
    """Yield the logged models; MLflow before 3 had none."""
    known = "SELECT count(*) FROM sqlite_master WHERE name = 'logged_models'"
    for row in database.execute(_MODELS).fetchall() if database.execute(known).fetchone()[0] else ():
        folder = _local(row["artifact_location"], path)
        yield FoundModel(row["model_id"], row["name"], row["run_id"] or "", row["time"], folder)


def _run(database: sqlite3.Connection, row: sqlite3.Row) -> MlflowRun:
    tags = _pairs(database, "tags", row["run_uuid"])
    uri = row["artifact_uri"] or ""
    return MlflowRun(
        id=row["run_uuid"],
        name=row["name"] or tags.get("mlflow.runName") or row["run_uuid"][:8],
        experiment=row["experiment"],
        status=row["status"],
        start=row["start_time"] or 0,
        end=row["end_time"],
        params=_pairs(database, "params", row["run_uuid"]),
        tags=tags,
        datasets=[dict(data) for data in _datasets(database, row["run_uuid"])],
        files_elsewhere=uri if uri and local_path(uri) is None else None,
    )


def _pairs(database: sqlite3.Connection, table: str, run_id: str) -> dict[str, str]:
    rows: Iterable[Any] = database.execute(f'SELECT "key", value FROM {table} WHERE run_uuid = ?', (run_id,))  # noqa: S608 - our own word
    return {key: value or "" for key, value in rows}


def _datasets(database: sqlite3.Connection, run_id: str) -> list[sqlite3.Row]:
    """Return the inputs of a run; MLflow before 2.4 had none."""
    known = "SELECT count(*) FROM sqlite_master WHERE name IN ('inputs', 'input_tags', 'datasets')"
    return database.execute(_DATASETS, (run_id,)).fetchall() if database.execute(known).fetchone()[0] == 3 else []


def _points(database: sqlite3.Connection, run_id: str, key: str) -> Iterable[MetricsLogged]:
    """Yield points in the order in which they were inserted."""
    for value, timestamp, step, is_nan in database.execute(_POINTS, (run_id, key)):
        metrics = {clean_key(key): math.nan if is_nan else float(value)}
        yield MetricsLogged(time=timestamp * MILLISECOND, metrics=metrics, step=step)
