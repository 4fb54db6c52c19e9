"""Runs in a local Trackio project, for `trackio show`.

Rows, config and files go to Trackio's database by its storage functions, not through `trackio.init`: that prints,
starts threads that watch CPU and GPU, and turns errors of the disk into warnings. Each row carries the name of its
record as `log_id`, which is unique there: a record that is written again changes nothing.
"""

from __future__ import annotations

import os
from typing import Any

from autotrack.backends.base import BackendContext
from autotrack.backends.description import utc
from autotrack.backends.gather import RunUpdate
from autotrack.backends.sdk_backend import Description, SdkBackend, files, has_ended
from autotrack.errors import MissingDependencyError, StoreUnavailableError

FIELDS = ("id", "experiment", "parent_id", "source", "status", "error", "end_time", "tags", "datasets", "notes")


class TrackioBackend(SdkBackend):
    """Write runs to one project in the directory that TRACKIO_DIR names, else Trackio's own.

    Args:
        url: `trackio://project`.
        context: Where the files of runs are.

    Raises:
        MissingDependencyError: The package `trackio` is not installed.
        StoreUnavailableError: The URL names no project.
    """

    def __init__(self, url: str, context: BackendContext) -> None:
        super().__init__(url, context)
        if not self.place or "/" in self.place:
            raise StoreUnavailableError(f"{url} is not trackio://project")
        os.environ["HF_HUB_OFFLINE"] = "1"  # it would look for a user's Space
        try:
            from trackio.sqlite_storage import SQLiteStorage
        except ModuleNotFoundError as error:
            raise MissingDependencyError("trackio", "trackio") from error
        self._storage = SQLiteStorage

    def send(self, update: RunUpdate, run: Description) -> None:
        """Add the news of one run in one transaction; then, where it has ended, its files."""
        from trackio.utils import RESERVED_KEYS

        run.setdefault("group", self._group(run))
        rows, names = [], []
        for point in update.points:
            # As Trackio renames what would collide with its columns.
            odd = {key for key in point.metrics if key in RESERVED_KEYS or key.startswith("__")}
            rows.append({f"__{key}" if key in odd else key: value for key, value in point.metrics.items()})
            names.append(f"{point.writer}-{point.seq}")
        steps = [point.step for point in update.points]
        times = [utc(point.time) for point in update.points]
        if not rows:  # Trackio takes a config with a row only
            rows, names, steps, times = [{}], [f"{run['id']}-config"], [0], [run["start_time"]]
        self._storage.bulk_log(
            self.place, run["name"], rows, steps, times, config=_config(run), log_ids=names, run_id=run["id"]
        )
        if has_ended(run) and (update.life or update.artifacts or update.models):
            self._send_files(run)

    def _group(self, run: Description) -> str:
        parent = self.description(run["parent_id"]) if run["parent_id"] else None
        return str(parent["group"] if parent else run["experiment"])

    def _send_files(self, run: Description) -> None:
        """Send all files as one artifact and each model as another; Trackio keeps what is equal once."""
        from trackio.run import Run

        trackio_run = Run(None, self.place, None, name=run["name"], run_id=run["id"])
        try:
            self._send_artifact(
                trackio_run, run, f"files-{run['id']}", "run-files", {path: path for path in files(run)}
            )
            for name in run["models"]:
                inside = {path.removeprefix(f"{name}/"): path for path in run["files"] if path.startswith(f"{name}/")}
                self._send_artifact(trackio_run, run, f"{name.replace('/', '-')}-{run['id']}", "model", inside)
        finally:
            trackio_run.finish()  # type: ignore[no-untyped-call] # Trackio's

    def _send_artifact(self, trackio_run: Any, run: Description, name: str, kind: str, paths: dict[str, str]) -> None:
        from trackio.artifact import Artifact

        artifact, sources = Artifact(name, kind), {inside: self.path(run["id"], path) for inside, path in paths.items()}
        present = {inside: source for inside, source in sources.items() if source.is_file()}
        for inside, source in present.items():
            artifact.add_file(source, inside)
        if present:
            trackio_run.log_artifact(artifact)


def _config(run: Description) -> dict[str, Any]:
    """Return params, what Trackio's page asks for, and what it has no place for."""
    own = {"_Username": None, "_Created": run["start_time"], "_Group": run["group"]}
    params = {f"param{key}" if key.startswith("_") else key: value for key, value in run["params"].items()}
    return {**params, "autotrack": {key: run[key] for key in FIELDS}, **own}
