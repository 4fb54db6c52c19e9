"""MLflow's `mlruns` folder: `mlflow ui --backend-store-uri <dir>` shows the runs, and MLflow's client reads them.

    <dir>/<experiment id>/meta.yaml
          <experiment id>/<run id>/meta.yaml
                                   metrics/<key>         a line per point: <milliseconds> <value> <step>
                                   params/<key>  tags/<key>  inputs/<id>/meta.yaml  artifacts/…

Pages are written as JSON, which every reader of YAML reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from autotrack import names
from autotrack.backends.directory_backend import PicturesBackend
from autotrack.backends.gather import RunUpdate
from autotrack.backends.mlflow.datasets import CONTEXT, dataset_input
from autotrack.backends.mlflow.limits import server_key
from autotrack.backends.mlflow.pages import read_page
from autotrack.backends.mlflow.values import read_news
from autotrack.backends.run_folder import RunFolder
from autotrack.content import artifact_name
from autotrack.records import DatasetLogged, RunEnded

META = "meta.yaml"
STATUSES = {"running": 1, "finished": 3, "failed": 4, "interrupted": 5, "killed": 5}
LOCAL = 4
MILLISECOND = 1_000_000


class MlrunsBackend(PicturesBackend):
    """Write runs as MLflow's file store does.

    Args:
        url: `mlruns:///absolute/dir`, or `mlruns://relative/dir`.
        context: Where the files of runs are.

    Raises:
        StoreUnavailableError: The URL names no directory.
    """

    def _place(self, told: RunUpdate) -> Path:
        return self._experiment_of(told) / artifact_name(told.run_id)

    def _write_update(self, folder: RunFolder, update: RunUpdate) -> None:
        for name, lines in _lines(update).items():
            folder.append(_free(folder, name), "".join(lines).encode())
        self._write_values(folder, update)
        for data in update.datasets:
            _write_input(folder, data)
        for path, content in self._files(update):
            folder.replace(f"artifacts/{path}", content)
        folder.replace(META, _page(_run_page(folder, update)))

    def _write_values(self, folder: RunFolder, update: RunUpdate) -> None:
        news = read_news(update, {}, _tags(folder))
        if update.started is not None:
            news.tags[names.RUN_NAME] = update.started.name
            if update.started.parent_id:
                news.tags[names.PARENT_RUN_ID] = update.started.parent_id
        for kind, values in (("params", news.params), ("tags", news.tags)):
            for key, value in values.items():
                folder.replace(_free(folder, f"{kind}/{key}"), value.encode())
        for key in news.removed:
            (folder.path / "tags" / key).unlink(missing_ok=True)
        for path, content in news.files.items():
            folder.replace(f"artifacts/{path}", content)

    def _files(self, update: RunUpdate) -> Iterator[tuple[str, bytes | Path]]:
        for path in update.artifacts:
            source = self._context.artifacts / update.run_id / artifact_name(path)
            if source.is_file():  # else it was deleted since
                yield artifact_name(path), source
        for evaluation in update.evaluations.values():
            yield from self._pictures.draw(evaluation).items()

    def _experiment_of(self, update: RunUpdate) -> Path:
        """Return the directory of the experiment a run is in, which is chosen once."""
        run_id = artifact_name(update.run_id)
        known = (path for path in self._experiments() if (path / run_id).is_dir())
        name = update.started.experiment if update.started else "default"
        return next(known, None) or self._experiment(name) or _new_experiment(self._root, name)

    def _experiment(self, name: str) -> Path | None:
        """Return the directory of an experiment that is there, perhaps MLflow's own."""
        return next((path for path in self._experiments() if read_page(path / META).get("name") == name), None)

    def _experiments(self) -> list[Path]:
        return [path.parent for path in sorted(self._root.glob(f"*/{META}"))]


def _tags(folder: RunFolder) -> dict[str, str]:
    """Return the tags that the run has."""
    root = folder.path / "tags"
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in files}


def _lines(update: RunUpdate) -> dict[str, list[str]]:
    """Return the lines of the points by file."""
    lines: dict[str, list[str]] = {}
    for point in update.points:
        for key, value in point.metrics.items():
            line = f"{point.time // MILLISECOND} {value!r} {point.step}\n"
            lines.setdefault(f"metrics/{server_key(key)}", []).append(line)
    return lines


def _free(folder: RunFolder, name: str) -> str:
    """Return the file of a key; where `a/b` is a folder of others, or `a` a file, it gets a name without slashes."""
    path = folder.path / name
    if not path.is_dir() and not any(parent.is_file() for parent in path.parents):
        return name
    kind, _, key = name.partition("/")
    return f"{kind}/{key.replace('/', '_')}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def _write_input(folder: RunFolder, data: DatasetLogged) -> None:
    """Write a dataset, which all runs of an experiment share, and the page that says that this run used it."""
    told = dataset_input(data)
    dataset_id = _id(msgspec.json.encode(told["dataset"]))
    shared = RunFolder(folder.path.parent / "datasets" / dataset_id)
    shared.replace(META, _page({"schema": None, **told["dataset"]}))
    link = {
        "source_type": "DATASET",
        "source_id": dataset_id,
        "destination_type": "RUN",
        "destination_id": folder.path.name,
        "tags": {CONTEXT: data.context},
    }
    folder.replace(f"inputs/{_id(msgspec.json.encode(link))}/{META}", _page(link))


def _run_page(folder: RunFolder, update: RunUpdate) -> dict[str, Any]:
    known = folder.read(META)
    page: dict[str, Any] = _new_run(folder, update) if known is None else msgspec.json.decode(known)
    if update.started is not None and not update.started.resumed:
        page |= {"run_name": update.started.name, "start_time": update.started.time // MILLISECOND}
    if isinstance(update.life, RunEnded):
        page |= {"status": STATUSES[update.life.status], "end_time": update.life.time // MILLISECOND}
    elif update.life is not None and update.life.resumed:
        page |= {"status": STATUSES["running"], "end_time": None}
    return page


def _new_run(folder: RunFolder, update: RunUpdate) -> dict[str, Any]:
    for kind in ("metrics", "params", "tags", "artifacts"):
        (folder.path / kind).mkdir(exist_ok=True)
    return {
        "artifact_uri": (folder.path / "artifacts").as_uri(),
        "end_time": None,
        "entry_point_name": "",
        "experiment_id": folder.path.parent.name,
        "lifecycle_stage": "active",
        "run_id": update.run_id,
        "run_name": update.run_id[:8],
        "source_name": "",
        "source_type": LOCAL,
        "source_version": "",
        "start_time": (update.first.time if update.first else 0) // MILLISECOND,
        "status": STATUSES["running"],
        "tags": [],
        "user_id": "",
    }


def _new_experiment(root: Path, name: str) -> Path:
    experiment_id = str(int(_id(name.encode()), 16) % 10**18)
    folder = RunFolder(root / experiment_id)
    page = {
        "artifact_location": folder.path.as_uri(),
        "experiment_id": experiment_id,
        "lifecycle_stage": "active",
        "name": name,
    }
    folder.replace(META, _page(page))
    return folder.path


def _id(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _page(value: Mapping[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
