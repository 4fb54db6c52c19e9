"""Runs in Weights & Biases, online or as offline run files that `wandb sync` sends later.

| ours                          | W&B's                                                                             |
|-------------------------------|-----------------------------------------------------------------------------------|
| run, name, parents            | run of the same id and name; a root run and those below it share a group          |
| params                        | config                                                                            |
| experiment, status, tags, …   | config, below `autotrack`; short tags of the user also as W&B tags, `key:value`   |
| points                        | history, one row a record, with the step in `autotrack/step`: the axis of all     |
| evaluations, CSV files        | custom charts and tables                                                          |
| files, models                 | artifacts, sent when the run ends                                                 |
| notes                         | the run's notes                                                                   |

W&B's own step must grow, and ours need not (each metric counts its own), so W&B's is the number of the row. It
follows from the order of the records alone: a row that is sent again after a crash has its first number, counted once.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from autotrack.backends.base import BackendContext
from autotrack.backends.gather import RunUpdate
from autotrack.backends.sdk_backend import Description, SdkBackend, files, has_ended
from autotrack.errors import MissingDependencyError, RetryableError, StoreUnavailableError
from autotrack.evaluation.report import Evaluation
from autotrack.records import FAILED, FINISHED

if TYPE_CHECKING:
    from autotrack.backends.wandb.run_file import RunFile

STEP = "autotrack/step"
RESERVED = {"_step", "_runtime", "_timestamp"}
EXIT_CODES = {FINISHED: 0, FAILED: 1}
STOPPED = 255
"""Exit code of runs that were interrupted or killed, as W&B's own."""
MAX_TAG = 64
FLUSH_SECONDS = 0.05
"""How often W&B's service writes what it has to the run's file; by itself, every 15 s."""
QUIET = {
    "console": "off",
    "disable_code": True,
    "disable_git": True,
    "save_code": False,
    "silent": True,
    "x_disable_machine_info": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
    "x_transaction_log_flush_interval": FLUSH_SECONDS,
}
"""Against what W&B would capture by itself, print, and keep in its memory."""


class WandbBackend(SdkBackend):
    """Write runs to one project.

    Args:
        url: `wandb://entity/project` or `wandb://project`, with `?mode=offline` or `?mode=online`. Without it, offline
            where WANDB_MODE says so or no key for W&B is known.
        context: Where the files of runs are.

    Raises:
        MissingDependencyError: The package `wandb` is not installed.
        StoreUnavailableError: The URL names no project, or another mode.
    """

    options = ("mode",)

    def __init__(self, url: str, context: BackendContext) -> None:
        super().__init__(url, context)
        self._folder = os.environ.get("WANDB_DIR") or str(context.home)
        os.environ |= {"WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true"}
        os.environ.setdefault("WANDB_DATA_DIR", self._folder)
        try:
            import wandb
        except ModuleNotFoundError as error:
            raise MissingDependencyError("wandb", "wandb") from error
        self._wandb = wandb
        *entity, self._project = self.place.split("/")
        self._entity = entity[0] if entity else None
        self._mode = self.choices.get("mode") or _usual_mode()
        if not self._project or len(entity) > 1 or self._mode not in ("offline", "online"):
            raise StoreUnavailableError(f"{url} is not wandb://entity/project, with ?mode=offline or ?mode=online")
        self._open: dict[str, tuple[Any, RunFile]] = {}

    def send(self, update: RunUpdate, run: Description) -> None:
        """Send the news of one run, and end it in W&B where it has ended."""
        run |= {"rows": 0, "updates": 0, "group": self._group(run)} | run
        handle, written = self._open.get(run["id"]) or self._begin(run)
        if update.life or update.params or update.tags or update.datasets:
            run["updates"] += 1
            handle.config.update(_config(run), allow_val_change=True)
            handle.tags = _tags(run)
        if update.notes:
            handle.notes = "\n".join(run["notes"])
        for point in update.points:
            values = {f"{key}_" if key in RESERVED else key: value for key, value in point.metrics.items()}
            self._row(handle, run, {**values, STEP: point.step, "_timestamp": point.time / 1e9})
        self._show(handle, update, run)
        if has_ended(run):
            self._send_files(handle, update, run)
            self._end(run["id"], EXIT_CODES.get(run["status"], STOPPED))
        else:
            written.wait(lambda file: file.row >= run["rows"] - 1 and file.updates >= run["updates"])

    def _group(self, run: Description) -> str:
        parent = self.description(run["parent_id"]) if run["parent_id"] else None
        group = parent["group"] if parent else f"{run['name']}-{run['id'][-8:]}"
        return str(group)

    def _begin(self, run: Description) -> tuple[Any, RunFile]:
        """Open a run in W&B: a new one, or one that was open before."""
        from autotrack.backends.wandb.run_file import RunFile

        try:
            handle = self._wandb.init(
                entity=self._entity,
                project=self._project,
                id=run["id"],
                name=run["name"],
                group=run["group"],
                job_type=run["source"] or "manual",
                mode=self._mode,  # type: ignore[arg-type] # one of the two words that were let in
                dir=self._folder,
                resume="allow",
                reinit="create_new",
                settings=self._wandb.Settings(**QUIET),  # type: ignore[arg-type] # of as many types
            )
        except self._wandb.errors.CommError as error:
            raise RetryableError(f"Weights & Biases: {error}") from error
        handle.define_metric(STEP, hidden=True)
        handle.define_metric("*", step_metric=STEP)
        written = RunFile(Path(handle.settings.sync_file))
        written.row, written.updates = run["rows"] - 1, run["updates"]
        self._open[run["id"]] = handle, written
        return handle, written

    def _row(self, handle: Any, run: Description, values: dict[str, Any]) -> None:
        handle.log(values, step=run["rows"], commit=True)
        run["rows"] += 1

    def _show(self, handle: Any, update: RunUpdate, run: Description) -> None:
        from autotrack.backends.wandb.charts import charts, table

        for logged in update.evaluations.values():
            if shown := charts(Evaluation.from_dict(logged.report)):
                self._row(handle, run, shown)
        for path in update.artifacts:
            source = self.path(run["id"], path)
            if path.endswith(".csv") and source.is_file() and (shown_table := table(source)) is not None:
                self._row(handle, run, {path.removesuffix(".csv"): shown_table})

    def _send_files(self, handle: Any, update: RunUpdate, run: Description) -> None:
        """Send all files as one artifact and each model as another; W&B keeps what is equal once."""
        if update.artifacts or update.life:
            self._send_artifact(handle, run, f"files-{run['id']}", "run-files", {path: path for path in files(run)})
        for name, model in run["models"].items() if update.models or update.life else ():
            inside = {path.removeprefix(f"{name}/"): path for path in run["files"] if path.startswith(f"{name}/")}
            self._send_artifact(handle, run, f"{name}-{run['id']}", "model", inside, model)

    def _send_artifact(
        self, handle: Any, run: Description, name: str, kind: str, paths: dict[str, str], about: Any = None
    ) -> None:
        artifact = self._wandb.Artifact(name.replace("/", "-"), type=kind, metadata=about)
        for inside, path in paths.items():
            source = self.path(run["id"], path)
            if source.is_file():
                artifact.add_file(str(source), name=inside, policy="immutable", skip_cache=True)
        if artifact.manifest.entries:
            handle.log_artifact(artifact)

    def _end(self, run_id: str, exit_code: int) -> None:
        handle, written = self._open.pop(run_id)
        handle.finish(exit_code=exit_code)
        written.wait(lambda file: file.ended)

    def close(self) -> None:
        """Close the files of runs that still go on, and end W&B's service."""
        for run_id in list(self._open):
            self._end(run_id, STOPPED)
        self._wandb.teardown()
        super().close()


def _usual_mode() -> str:
    import wandb

    known = os.environ.get("WANDB_IDENTITY_TOKEN_FILE") or wandb.api.api_key
    return "online" if known and os.environ.get("WANDB_MODE", "online") == "online" else "offline"


def _config(run: Description) -> dict[str, Any]:
    fields = ("experiment", "source", "parent_id", "status", "error", "tags", "datasets", "updates")
    params = {key: _finite(value) for key, value in run["params"].items()}
    return {**params, "autotrack": {key: run[key] for key in fields}}


def _finite(value: Any) -> Any:
    """Write numbers that W&B's config would turn into null as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return msgspec.to_builtins(value)


def _tags(run: Description) -> tuple[str, ...]:
    """Return the user's tags, not those with a namespace that trackers set."""
    found = (f"{key}:{value}" for key, value in run["tags"].items() if "." not in key)
    return tuple(tag for tag in found if len(tag) <= MAX_TAG)
