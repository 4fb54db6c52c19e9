"""Runs as Comet's offline archives, which `comet upload <file>.zip` sends.

    <home>/comet/<run id>.zip

Comet writes such an archive when an experiment ends, and cannot add to it. So records are kept beside (`RunFolder`),
and the archive of a run is made anew from all of them: when it ends or news come after its end, and before that once a
minute.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autotrack.backends.base import BackendContext
from autotrack.backends.description import describe_fully
from autotrack.backends.gather import RunUpdate, gather, records_by_run
from autotrack.backends.record_spool import keep_records, kept_records
from autotrack.backends.run_folder import RunFolder
from autotrack.backends.sdk_backend import Description, has_ended, target_place
from autotrack.content import artifact_name
from autotrack.errors import MissingDependencyError, StoreUnavailableError
from autotrack.evaluation.report import Evaluation
from autotrack.records import AnyRecord

FIELDS = ("experiment", "source", "parent_id", "status", "error", "start_time", "end_time")
SECONDS_BETWEEN = 60.0
OWN_CAPTURE = (
    "auto_histogram_activation_logging", "auto_histogram_gradient_logging", "auto_histogram_tensorboard_logging",
    "auto_histogram_weight_logging", "auto_log_co2", "auto_metric_logging", "auto_output_logging", "auto_param_logging",
    "log_code", "log_env_cpu", "log_env_details", "log_env_disk", "log_env_gpu", "log_env_host", "log_env_network",
    "log_git_metadata", "log_git_patch", "log_graph", "parse_args",
)  # fmt: skip
"""What Comet would capture by itself."""


class CometBackend:
    """Write runs as archives for one project.

    Args:
        url: `comet://workspace/project`, or `comet://project`.
        context: Where the files of runs are.

    Raises:
        MissingDependencyError: The package `comet_ml` is not installed.
        StoreUnavailableError: The URL names no project.
    """

    def __init__(self, url: str, context: BackendContext) -> None:
        *workspace, self._project = target_place(url).split("/")
        if not self._project or len(workspace) > 1:
            raise StoreUnavailableError(f"{url} is not comet://workspace/project")
        self._workspace = workspace[0] if workspace else None
        self._context = context
        self._folder = context.home / "comet"
        self._made: dict[str, float] = {}
        os.environ |= {"COMET_DISABLE_AUTO_LOGGING": "1", "COMET_LOGGING_CONSOLE": "CRITICAL"}
        os.environ |= {"COMET_INTERNAL_SENTRY_DSN": "", "COMET_INTERNAL_REPORTING": "0"}
        try:
            import comet_ml
        except ModuleNotFoundError as error:
            raise MissingDependencyError("comet_ml", "comet") from error
        self._comet = comet_ml

    def write(self, records: Sequence[AnyRecord]) -> None:
        """Keep records, and make the archives of runs that have ended."""
        for run_id, mine in records_by_run(records).items():
            folder = RunFolder(self._folder / ".runs" / artifact_name(run_id))
            if (update := gather(run_id, mine, folder.state.writers)) is None:
                continue
            keep_records(folder, mine)
            folder.commit(update.writers)
            whole = gather(run_id, kept_records(folder), {})
            assert whole is not None  # noqa: S101 - it has at least this update
            run = describe_fully(None, whole)
            if has_ended(run) or time.monotonic() - self._made.get(run_id, -SECONDS_BETWEEN) >= SECONDS_BETWEEN:
                self._archive(whole, run)
                self._made[run_id] = time.monotonic()

    def _archive(self, update: RunUpdate, run: Description) -> None:
        capture: dict[str, Any] = dict.fromkeys(OWN_CAPTURE, False)
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            experiment = self._comet.OfflineExperiment(
                workspace=self._workspace,
                project_name=self._project,
                offline_directory=folder,
                experiment_key=run["id"],
                display_summary_level=0,
                **capture,
            )
            try:
                self._fill(experiment, update, run)
            finally:
                experiment.end()
            [archive] = Path(folder).glob("*.zip")
            archive.replace(self._folder / f"{run['id']}.zip")

    def _fill(self, experiment: Any, update: RunUpdate, run: Description) -> None:
        experiment.set_name(run["name"])
        experiment.log_parameters(run["params"], nested_support=False)
        about = {key: run[key] for key in FIELDS}
        experiment.log_others(about | {f"tag.{key}": value for key, value in run["tags"].items()})
        experiment.add_tags([f"{key}:{value}" for key, value in run["tags"].items() if "." not in key])
        for point in update.points:
            for key, value in point.metrics.items():
                experiment.log_metric(key, value, step=point.step)
        for logged in update.evaluations.values():
            _show(experiment, Evaluation.from_dict(logged.report))
        for path in run["files"]:
            source = self._context.artifacts / run["id"] / artifact_name(path)
            if source.is_file():
                experiment.log_asset(str(source), file_name=path, copy_to_tmp=False)

    def flush(self) -> None:
        """Do nothing: each batch is on the disk when `write` returns."""

    def close(self) -> None:
        """Do nothing: no archive stays open."""


def _show(experiment: Any, evaluation: Evaluation) -> None:
    """Log what Comet's pages draw: confusion matrix and curves."""
    if evaluation.matrix is not None:
        dense, title = evaluation.matrix.to_dense().tolist(), f"{evaluation.split} confusion matrix"
        name = f"{evaluation.split}-confusion-matrix.json"
        experiment.log_confusion_matrix(matrix=dense, labels=list(evaluation.labels), title=title, file_name=name)
    for curve in evaluation.curves:
        name = f"{evaluation.split} {curve.kind} {curve.name}"
        experiment.log_curve(name, curve.x.tolist(), curve.y.tolist())
