"""A logger for Lightning's `Trainer` and `Fabric`: what they log, under its own name and step."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autotrack import processes
from autotrack.active import active_run, pop, push
from autotrack.integrations.lightning.packages import base_classes
from autotrack.integrations.lightning.parameters import flat
from autotrack.records import FAILED, FINISHED
from autotrack.run import Run
from autotrack.shield import shielded

if TYPE_CHECKING:
    _LoggerBase = object
else:
    _LoggerBase = type("_LoggerBase", base_classes("Logger"), {})


class AutotrackLogger(_LoggerBase):
    """Log metrics and hyperparameters into a run, on rank 0.

    The run begins with the first thing that is logged. One that the logger began ends with the trainer's call, so a
    second fit is a new run; with Fabric, call `finalize("success")`, or it ends with the process.

    Args:
        run: Where to log. Default: the active run, else a new one.
        name: What to call a new run.
        experiment: Its experiment.

    Example:
        >>> from autotrack.integrations.lightning import AutotrackLogger
        >>> trainer = lightning.Trainer(logger=AutotrackLogger())  # doctest: +SKIP
    """

    def __init__(self, run: Run | None = None, *, name: str | None = None, experiment: str | None = None) -> None:
        super().__init__()
        self._given = run
        self._own: Run | None = None
        self._run_name = name
        self._experiment = experiment

    def __getstate__(self) -> dict[str, Any]:
        """Leave runs behind, which are of this process."""
        return {**vars(self), "_given": None, "_own": None}

    @property
    def run(self) -> Run:
        """The run: the one given, else the active one, else a new one."""
        found = self._current
        if found is None:
            found = self._own = Run(self._run_name, experiment=self._experiment, source="lightning")
            push(found)
        return found

    @property
    def _current(self) -> Run | None:
        return self._given or self._own or active_run()

    @property
    def experiment(self) -> Run | None:
        """The run, for verbs of its own: `self.logger.experiment.log_text(...)`; None beyond rank 0."""
        return self.run if processes.rank() == 0 else None

    @property
    def name(self) -> str | None:
        """The run's experiment; it names the directory of checkpoints where no other logger does."""
        return self._current.experiment if self._current is not None else self._experiment

    @property
    def version(self) -> str | None:
        """The run's id, while there is one."""
        return self._current.id if self._current is not None else None

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log a row of metrics."""
        if processes.rank() == 0:
            with shielded("logging metrics of Lightning"):
                self.run.log_metrics(metrics, 0 if step is None else step)

    def log_hyperparams(self, params: Mapping[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 - other loggers take metrics there
        """Log hyperparameters; nested ones as `optimizer/lr`."""
        if processes.rank() == 0:
            with shielded("logging hyperparameters of Lightning"):
                self.run.log_params(flat(vars(params) if isinstance(params, Namespace) else params))

    def finalize(self, status: str) -> None:
        """End the run, if it is the logger's own."""
        own, self._own = self._own, None
        if own is not None:
            pop(own)
            own.end(FINISHED if status == "success" else FAILED)
