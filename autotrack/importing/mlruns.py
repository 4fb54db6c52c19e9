"""MLflow's `mlruns` folder: `<experiment>/<run>/{meta.yaml, metrics/…, params/…, tags/…, artifacts/…}`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from autotrack.backends.mlflow.pages import read_page
from autotrack.errors import ImportSourceError
from autotrack.importing.found import FoundRun
from autotrack.importing.logged_models import FoundModel, by_run, model_files
from autotrack.importing.mlflow_values import MILLISECOND, MlflowRun
from autotrack.records import MetricsLogged
from autotrack.values import clean_key

STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
RESERVED = {"tags", "datasets", "traces", "models"}
META = "meta.yaml"


def read_mlruns(root: Path) -> Iterator[FoundRun]:
    """Yield the runs of all experiments, oldest first; deleted ones are left out.

    Raises:
        ImportSourceError: A run or its points are not what MLflow writes.
        StoreUnavailableError: A page cannot be read.
        MissingDependencyError: PyYAML is not installed.
    """
    runs = sorted(_runs(root), key=lambda found: (found[1].start, found[1].id))
    ids = {run.id: run.our_id for _, run in runs}
    models = by_run(_models(root))
    for folder, run in runs:
        run.models = models.get(run.id, {})
        points = {clean_key(key): _points(clean_key(key), path) for key, path in _files(folder / "metrics")}
        yield FoundRun(
            run.our_id, run.name, run.state(ids), points, local_files(folder, run), [*model_files(run.models)]
        )


def _runs(root: Path) -> Iterator[tuple[Path, MlflowRun]]:
    for experiment_file in sorted(root.glob(f"*/{META}")):
        experiment = read_page(experiment_file)
        if "experiment_id" not in experiment or experiment.get("lifecycle_stage") == "deleted":
            continue  # what lies in mlruns/models is the model registry
        for run_file in sorted(experiment_file.parent.glob(f"*/{META}")):
            run = read_page(run_file)
            if run_file.parent.name not in RESERVED and run.get("lifecycle_stage") != "deleted":
                yield run_file.parent, _run(run_file.parent, run, str(experiment["name"]))


def _run(folder: Path, meta: dict[str, Any], experiment: str) -> MlflowRun:
    tags = {key: _text(path) for key, path in _files(folder / "tags")}
    try:
        run_id = str(meta.get("run_id") or meta["run_uuid"])
        return MlflowRun(
            id=run_id,
            name=str(meta.get("run_name") or tags.get("mlflow.runName") or run_id[:8]),
            experiment=experiment,
            status=STATUSES.get(meta["status"], "RUNNING"),
            start=int(meta["start_time"]),
            end=meta.get("end_time"),
            params={key: _text(path) for key, path in _files(folder / "params")},
            tags=tags,
            datasets=list(_datasets(folder)),
            files_elsewhere=_remote(str(meta.get("artifact_uri") or "")),
        )
    except KeyError as error:
        raise ImportSourceError(f"{folder / META} has no {error}: it is not the page of an MLflow run") from None


def local_files(folder: Path, run: MlflowRun) -> Path | None:
    """Return the directory of a run's files: beside its page, wherever the folder was moved to."""
    files = folder / "artifacts"
    return files if files.is_dir() and not run.files_elsewhere else None


def _remote(uri: str) -> str | None:
    return uri if local_path(uri) is None else None


def local_path(uri: str) -> Path | None:
    """Return the path that an artifact URI of MLflow's names, or None where the files are on a server."""
    if "://" not in uri and not uri.startswith(("file:", "mlflow-artifacts:")):
        return Path(uri)
    return Path(unquote(urlsplit(uri).path)) if uri.startswith("file:") else None


def _models(root: Path) -> Iterator[FoundModel]:
    """Yield the logged models; their files are beside their pages, wherever the folder was moved to."""
    for file in sorted(root.glob(f"*/models/m-*/{META}")):
        page = read_page(file)
        beside = file.parent / "artifacts"
        folder = beside if beside.is_dir() else local_path(str(page.get("artifact_location") or ""))
        run_id, time = str(page.get("source_run_id") or ""), int(page.get("creation_timestamp") or 0)
        if page.get("lifecycle_stage") != "deleted":
            yield FoundModel(file.parent.name, str(page.get("name") or "model"), run_id, time, folder)


def _datasets(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob(f"inputs/*/{META}")):
        link = read_page(file)
        data = folder.parent / "datasets" / str(link.get("source_id")) / META
        if link.get("source_type") == "DATASET" and data.is_file():
            yield read_page(data) | {"context": (link.get("tags") or {}).get("mlflow.data.context")}


def _points(key: str, path: Path) -> Iterable[MetricsLogged]:
    for number, line in enumerate(_text(path).splitlines(), start=1):
        parts = line.split()
        try:
            step = int(parts[2]) if len(parts) > 2 else 0  # MLflow before 1.0 had no steps
            yield MetricsLogged(time=int(parts[0]) * MILLISECOND, metrics={key: float(parts[1])}, step=step)
        except (ValueError, IndexError):
            raise ImportSourceError(
                f"{path}, line {number}: expected <milliseconds> <value> <step>, got {line!r}"
            ) from None


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of a folder by key: a key with slashes is a path."""
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(parent, name)
            yield path.relative_to(folder).as_posix(), path


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
