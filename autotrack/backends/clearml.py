"""Runs as ClearML's offline sessions, which `Task.import_offline_session(folder)` uploads.

    <dir>/offline-<run id>/task.json       name, project, parameters, tags, files
                           metrics.jsonl   a line a batch: its points and charts as ClearML's events
                           data/…          the files

ClearML's own client is not asked: to write one session it takes 16 s however short the run, 6 ms for each number, looks
for a git repository, and starts the next one only when the last is done. The format is plain JSON that only grows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from autotrack.backends.description import describe_fully
from autotrack.backends.directory_backend import DirectoryBackend
from autotrack.backends.gather import RunUpdate, gather
from autotrack.backends.run_folder import RunFolder
from autotrack.content import artifact_name
from autotrack.evaluation.figures import available, figure
from autotrack.evaluation.report import Evaluation
from autotrack.records import AnyRecord

DESCRIPTION = ".run.json"
MILLISECOND = 1_000_000


class ClearMLBackend(DirectoryBackend):
    """Write each run as an offline session.

    Args:
        url: `clearml:///absolute/dir`, or `clearml://relative/dir`.
        context: Where the files of runs are.

    Raises:
        StoreUnavailableError: The URL names no directory.
    """

    def _write_run(self, run_id: str, records: Sequence[AnyRecord]) -> None:
        folder = RunFolder(self._root / f"offline-{artifact_name(run_id)}")
        update = gather(run_id, records, folder.state.writers)
        if update is None:
            return
        known = folder.read(DESCRIPTION)
        run = describe_fully(json.loads(known) if known else None, update)
        task = f"offline-{run_id}"
        if events := [*_points(update, task), *_plots(update, task)]:
            folder.append("metrics.jsonl", json.dumps(events).encode() + b"\n")
        for path in update.artifacts:
            source = self._context.artifacts / run_id / artifact_name(path)
            if source.is_file():  # else it was deleted since
                folder.replace(f"data/{_file(run, path)}", source)
        folder.replace("task.json", json.dumps(_task(run, folder), indent=1).encode())
        folder.replace(DESCRIPTION, json.dumps(run).encode())
        folder.commit(update.writers)


def _points(update: RunUpdate, task: str) -> Iterator[dict[str, Any]]:
    for point in update.points:
        common = {"timestamp": point.time // MILLISECOND, "type": "training_stats_scalar", "task": task}
        for key, value in point.metrics.items():
            yield {**common, "iter": point.step, "metric": key, "variant": key, "value": value}


def _plots(update: RunUpdate, task: str) -> Iterator[dict[str, Any]]:
    """Yield the charts of evaluations: ClearML's pages draw what plotly does."""
    for logged in update.evaluations.values():
        evaluation = Evaluation.from_dict(logged.report)
        common = {"timestamp": logged.time // MILLISECOND, "type": "plot", "task": task, "iter": 0}
        for kind in available(evaluation):
            chart = json.dumps(figure(evaluation, kind))
            yield {**common, "metric": logged.split, "variant": kind, "plot_str": chart}


def _task(run: dict[str, Any], folder: RunFolder) -> dict[str, Any]:
    """Return the task as ClearML exports it. An import ends it as "completed": the true status is a parameter."""
    own = {"status": run["status"], "experiment": run["experiment"], "source": run["source"]}
    tags = {f"tag.{key}": value for key, value in run["tags"].items()}
    artifacts = [_artifact(run, folder, path, size) for path, size in run["files"].items()]
    return {
        "id": f"offline-{run['id']}",
        "name": run["name"],
        "project_name": run["experiment"],
        "type": "training",
        "comment": "\n".join(run["notes"]),
        "tags": [f"{key}:{value}" for key, value in run["tags"].items() if "." not in key],
        "hyperparams": {"General": _section("General", run["params"]), "autotrack": _section("autotrack", own | tags)},
        "execution": {"artifacts": artifacts, "parameters": {}},
        "offline_folder": str(folder.path),
        "offline_output_models": [],
    }


def _section(name: str, values: dict[str, Any]) -> dict[str, dict[str, str]]:
    found = {}
    for key, value in values.items():
        text = value if isinstance(value, str) else json.dumps(value)
        kind = {} if value is None else {"type": type(value).__name__}
        found[key] = {"section": name, "name": key, "value": "" if value is None else text, **kind}
    return found


def _file(run: dict[str, Any], path: str) -> str:
    """Return where ClearML has a file below `data`, and below the address of its file server later."""
    task = artifact_name(f"{run['experiment']}/{run['name'].replace('/', '_')}.offline-{run['id']}")
    return f"{task}/artifacts/{artifact_name(path)}"


def _artifact(run: dict[str, Any], folder: RunFolder, path: str, size: int) -> dict[str, Any]:
    uri = str(folder.path / "data" / _file(run, path))
    return {"key": path, "mode": "output", "type": "custom", "content_size": size, "uri": uri}
