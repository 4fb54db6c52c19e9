"""What is written down of a fit while it runs, whether `enable()` listens or a callback of the user does."""

from __future__ import annotations

import time
from typing import Any

from autotrack.integrations.lightning.data import loaders_of, log_datasets
from autotrack.integrations.lightning.hooks import Listener, Metrics
from autotrack.integrations.lightning.metrics import MetricRows
from autotrack.integrations.lightning.optimizers import learning_rates, optimizer_params, scheduler_params
from autotrack.integrations.lightning.outcome import log_checkpoints, log_early_stopping
from autotrack.integrations.lightning.parameters import (
    batch_params,
    callback_params,
    hyperparameters,
    of_kind,
    trainer_params,
)
from autotrack.integrations.lightning.summary import SUMMARY_FILE, model_summary, parameter_counts
from autotrack.run import Run


class StageRecording(Listener):
    """Records the metrics of one call of a trainer under Lightning's own names and steps.

    Args:
        run: Where to log.
        trainer: The trainer.

    Attributes:
        in_worker: Whether the trainer works in another process, where another recording does what is to do.
    """

    def __init__(self, run: Run, trainer: Any) -> None:
        super().__init__()
        self.run = run
        self.trainer = trainer
        self.in_worker = False
        self._epoch_logged_at = -1
        self.rows = MetricRows(run)
        # A logger of ours that the user gave to the trainer gets all metrics itself.
        self._logged_by_user = any(of_kind(trainer.loggers, "AutotrackLogger"))

    def metrics_logged(self, metrics: Metrics, step: int | None) -> None:
        """Log what `self.log` collected; the step is found as Lightning finds it for its loggers."""
        if not metrics or self.trainer.sanity_checking or self._logged_by_user:
            return
        with self.run.timed():
            row = dict(metrics)
            if step is None:
                given = row.pop("step", None)
                step = self.global_step if given is None else int(given)
                if step != self._epoch_logged_at:  # Lightning gives it to its loggers with each row
                    self._epoch_logged_at = step
                    row.setdefault("epoch", self.trainer.current_epoch)
            self.rows.log(row, step)

    @property
    def global_step(self) -> int:
        """The step that Lightning's loggers see: batches after which all optimizers have stepped."""
        return int(self.trainer.fit_loop.epoch_loop._batches_that_stepped)  # noqa: SLF001 - `global_step` counts every optimizer

    def finish(self) -> None:
        """Log what still waits, when the call is over or has failed."""
        self.rows.flush()


class FitRecording(StageRecording):
    """Records a fit: beside its metrics what it was set up with, learning rates, epochs, and what it left behind.

    Args:
        run: Where to log.
        trainer: The trainer.
    """

    def __init__(self, run: Run, trainer: Any) -> None:
        super().__init__(run, trainer)
        self._rates: dict[str, float] = {}
        self._rates_at = -1
        self._epoch_began = 0.0
        self._params: dict[str, Any] = {}

    def log_setup(self, module: Any, datamodule: Any, ckpt_path: Any = None) -> None:
        """Log what is known before the trainer begins; hyperparameters of the user win over ours of the same name."""
        self._params = hyperparameters(module, datamodule)
        found = {**trainer_params(self.trainer), **callback_params(self.trainer.callbacks)}
        if ckpt_path is not None:
            found["ckpt_path"] = str(ckpt_path)
        self.run.log_params({**found, **self._params})

    def training_begins(self) -> None:
        """Log what is known when the first batch is about to come: optimizers, data, and the layers."""
        trainer, run = self.trainer, self.run
        with run.timed():
            fit_loop = trainer.fit_loop
            train, validation = loaders_of(fit_loop), loaders_of(fit_loop.epoch_loop.val_loop)
            found = {
                **optimizer_params(trainer.optimizers),
                **scheduler_params(trainer.lr_scheduler_configs),
                **batch_params(train, validation, trainer.num_training_batches),
            }
            trainable, frozen = parameter_counts(trainer.lightning_module)
            found |= {"trainable_parameters": trainable, "total_parameters": trainable + frozen}
            run.log_params({key: value for key, value in found.items() if key not in self._params})
            run.log_text(model_summary(trainer.lightning_module), SUMMARY_FILE)
            log_datasets(run, train, "train")
            log_datasets(run, validation, "validation")

    def epoch_begins(self) -> None:
        """Log the learning rates that an epoch begins with."""
        with self.run.timed():
            self._epoch_began = time.perf_counter()
            rates, step = self._read_rates(), self.global_step
            if (rates, step) != (self._rates, self._rates_at):
                self._log_rates(rates, step)

    def metrics_logged(self, metrics: Metrics, step: int | None) -> None:
        """Log the metrics, and after a batch of training the learning rates of the next one where they have moved."""
        super().metrics_logged(metrics, step)
        if step is None and self.trainer.training and self._may_move:
            self.log_moved_rates(self.global_step + 1)

    def log_moved_rates(self, step: int) -> None:
        """Log the learning rates that `step` is made with, if they are others than those logged last."""
        with self.run.timed():
            rates = self._read_rates()
            if rates != self._rates:
                self._log_rates(rates, step)

    def _log_rates(self, rates: dict[str, float], step: int) -> None:
        self._rates, self._rates_at = rates, step
        self.run.log_metrics(rates, step)

    @property
    def _may_move(self) -> bool:
        """Say whether anything changes learning rates between the epochs' beginnings."""
        by_hand = not self.trainer.lightning_module.automatic_optimization
        return by_hand or any(config.interval == "step" for config in self.trainer.lr_scheduler_configs)

    def _read_rates(self) -> dict[str, float]:
        return learning_rates(self.trainer.optimizers, self.trainer.lr_scheduler_configs)

    def epoch_ends(self) -> None:
        """Log how long the epoch took, with its validation."""
        with self.run.timed():
            self.rows.flush()
            self.run.log_metric("epoch_seconds", time.perf_counter() - self._epoch_began, self.global_step - 1)

    def finish(self) -> None:
        """Log what early stopping and checkpoints came to, when the fit is over or has failed."""
        super().finish()
        if self.in_worker:
            return
        log_early_stopping(self.run, self.trainer.callbacks)
        log_checkpoints(self.run, self.trainer.callbacks)
