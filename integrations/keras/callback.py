"""The callback that logs each epoch, injected by `enable` or given to `fit` by the user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from autotrack.active import active_run
from autotrack.integrations.keras.description import describe_model
from autotrack.integrations.keras.guard import guarded
from autotrack.integrations.keras.learning_rate import log_schedule, rate_of
from autotrack.integrations.keras.pace import Stopwatch
from autotrack.integrations.keras.runs import run_name, tags_of
from autotrack.patching.nesting import active_call
from autotrack.recording import current_recorder
from autotrack.run import Run

LEARNING_RATE = "learning_rate"
EPOCH_SECONDS = "epoch_seconds"
SAMPLES_PER_SECOND = "samples_per_second"
BATCHES_PER_SECOND = "batches_per_second"


class AutotrackCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Log what a model is, and metrics, learning rate, time and speed of each epoch.

    Without `run` it logs into the active run, else into a run of its own, which ends with the training. Where
    `autotrack.enable()` records the training already, it does nothing. A copy of it in another process does nothing.

    Args:
        run: Where to log.
        log_every_n_steps: Log the metrics of every n-th batch too, as `batch/<metric>`. Default: the setting.

    Example:
        >>> from autotrack.integrations.keras import AutotrackCallback
        >>> model.fit(X, y, callbacks=[AutotrackCallback()])  # doctest: +SKIP
    """

    async_safe = True
    """Keras may call `on_train_batch_end` from threads of its own; without this it would not even for others."""

    def __init__(self, run: Run | None = None, *, log_every_n_steps: int | None = None) -> None:
        super().__init__()
        self._given = run
        self._run: Run | None = None
        self._ours = False
        self._every = log_every_n_steps
        self._injected = False
        self._watch = Stopwatch()
        self._drives = True
        self._rows: int | None = None
        self._before_epoch = self._seen = self._logged = 0
        self._rate: float | None = None

    def __reduce__(self) -> Any:
        """Leave the run and the model behind, which are of this process."""
        return _silent, ()

    def __deepcopy__(self, memo: Any) -> AutotrackCallback:
        """Give a callback for another training into the same run."""
        return AutotrackCallback(self._given, log_every_n_steps=self._every)

    def inject(self, rows: int | None, watch: Stopwatch | None = None) -> None:
        """Log into the run that was given, whatever is observed, and take what the observer of `fit` knows.

        Args:
            rows: Rows of an epoch, if known.
            watch: One that stands in front of the user's callbacks.
        """
        self._injected = True
        self._rows = rows
        if watch is not None:
            self._watch, self._drives = watch, False

    @guarded
    def on_train_begin(self, logs: Any = None) -> None:
        """Find the run to log into, and describe the model."""
        self._before_epoch = self._seen = self._logged = 0
        self._run = self._find_run()
        if self._run is None:
            return
        with self._run.timed():
            if self._every is None:
                self._every = current_recorder().settings.log_every_n_steps
            describe_model(self._run, self._model)

    @guarded
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Read the learning rate: callbacks change it before an epoch, or after the one it was in force for."""
        if self._run is None:
            return
        with self._run.timed():
            if self._drives:
                self._watch.on_epoch_begin(epoch)
            self._before_epoch = self._seen
            self._rate = rate_of(self._model)

    @guarded
    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Count the batch."""
        if self._drives:
            self._watch.on_train_batch_begin(batch)

    @guarded
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Log every n-th batch, if asked to."""
        run = self._run
        if run is None:
            return
        self._seen = max(self._seen, self._before_epoch + batch + 1)
        if self._every and self._seen - self._logged >= self._every:
            with run.timed():
                self._logged = self._seen
                run.log_metrics({f"batch/{name}": value for name, value in (logs or {}).items()}, self._seen)

    @guarded
    def on_test_begin(self, logs: Any = None) -> None:
        """Take the time at which validation begins."""
        if self._run is not None and self._drives:
            self._watch.on_test_begin()

    @guarded
    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the metrics of an epoch."""
        run = self._run
        if run is None:
            return
        with run.timed():
            if self._drives:
                self._watch.on_epoch_end(epoch)
            found = {EPOCH_SECONDS: self._watch.whole, **self._speed(), **(logs or {})}
            if self._rate is not None:
                found.setdefault(LEARNING_RATE, self._rate)
            elif LEARNING_RATE not in found:
                log_schedule(run, self._model, epoch)
            run.log_metrics(found, epoch)

    @guarded
    def on_train_end(self, logs: Any = None) -> None:
        """End the run if it is the callback's own."""
        run, self._run = self._run, None
        if run is not None and self._ours:
            run.end()

    def _find_run(self) -> Run | None:
        observed = None if self._injected else active_call()
        if self._given is not None:
            return self._given if observed is None or observed.run_used is not self._given else None
        if observed is not None:
            return None
        active = active_run()
        self._ours = active is None
        return active or Run(run_name(self._model), source="keras", tags=tags_of(self._model))

    @property
    def seconds_per_row(self) -> float | None:
        """Time that training takes for a row; None where that is not known."""
        return self._watch.pace.seconds_per_row(self._rows)

    def _speed(self) -> dict[str, float]:
        seconds = self._watch.training
        if not seconds:
            return {}
        if self._rows is not None:
            return {SAMPLES_PER_SECOND: self._rows / seconds}
        return {BATCHES_PER_SECOND: (self._seen - self._before_epoch) / seconds}


class _Silent(AutotrackCallback):
    """What a callback is in another process."""

    @guarded
    def on_train_begin(self, logs: Any = None) -> None:
        return


def _silent() -> AutotrackCallback:
    return _Silent()
