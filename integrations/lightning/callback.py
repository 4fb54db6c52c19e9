"""The callback for programs without `enable()`, or for trainers that shall be recorded into a certain run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autotrack import processes
from autotrack.active import active_run, pop, push
from autotrack.integrations.lightning.hooks import listener_of
from autotrack.integrations.lightning.outcome import save_module
from autotrack.integrations.lightning.packages import base_classes
from autotrack.integrations.lightning.parameters import of_kind
from autotrack.integrations.lightning.recording import FitRecording
from autotrack.integrations.lightning.training import tags_of
from autotrack.naming import run_name
from autotrack.run import Run
from autotrack.shield import shielded

if TYPE_CHECKING:
    _CallbackBase = object
else:
    _CallbackBase = type("_CallbackBase", base_classes("Callback"), {})


class AutotrackCallback(_CallbackBase):
    """Record each fit of a trainer: parameters, learning rates, metrics of each epoch, summary, checkpoints, weights.

    Beside an `AutotrackLogger`, which takes metrics at Lightning's own steps, it leaves metrics to that. Where
    `autotrack.enable()` records the trainer already, it does nothing.

    Args:
        run: Where to log. Default: the active run, else a new one for each fit.

    Example:
        >>> from autotrack.integrations.lightning import AutotrackCallback
        >>> trainer = lightning.Trainer(callbacks=[AutotrackCallback()])  # doctest: +SKIP
    """

    def __init__(self, run: Run | None = None) -> None:
        super().__init__()
        self._given = run
        self._recording: FitRecording | None = None
        self._ours = False

    def __getstate__(self) -> dict[str, Any]:
        """Leave runs behind, which are of this process."""
        return {"_given": None, "_recording": None, "_ours": False}

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Begin the run of a fit."""
        if stage != "fit" or listener_of(trainer) is not None or processes.rank() != 0:
            return
        with shielded("beginning the run of a fit"):
            run = self._given or active_run()
            self._ours = run is None
            if run is None:
                run = Run(run_name(type(pl_module).__name__), source="lightning", tags=tags_of(pl_module))
                push(run)
            self._recording = FitRecording(run, trainer)
            self._recording.log_setup(pl_module, trainer.datamodule)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002 - Lightning's signature
        """Log optimizers, data and layers."""
        self._do("training_begins")

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Log learning rates."""
        self._do("epoch_begins")

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
        """Log learning rates that a scheduler has moved."""
        if self._recording is not None and trainer._logger_connector.should_update_logs:  # noqa: SLF001 - as LearningRateMonitor asks
            self._do("log_moved_rates", self._recording.global_step)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Log the metrics of the epoch, and its time."""
        if self._recording is not None and not any(of_kind(trainer.loggers, "AutotrackLogger")):
            with shielded("recording the metrics of an epoch"):
                self._recording.metrics_logged(trainer.callback_metrics, self._recording.global_step - 1)
        self._do("epoch_ends")

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """End the run of a fit that failed."""
        self._end(trainer, pl_module, exception)

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """End the run of a fit that is over."""
        if stage == "fit":
            self._end(trainer, pl_module, None)

    def _do(self, verb: str, *args: Any) -> None:
        if self._recording is not None:
            with shielded(f"recording Lightning: {verb}"):
                getattr(self._recording, verb)(*args)

    def _end(self, trainer: Any, module: Any, error: BaseException | None) -> None:
        recording, self._recording = self._recording, None
        if recording is None:
            return
        with shielded("ending the run of a fit"):
            recording.finish()
            if error is None:
                save_module(recording.run, trainer, module)
            if self._ours:
                pop(recording.run)
                recording.run.end_with(error)
