"""The learning rate of an epoch: a number that callbacks change, or a schedule that follows the steps."""

from __future__ import annotations

from typing import Any

import keras

from autotrack.run import Run


def rate_of(model: Any) -> float | None:
    """Return the learning rate in force, or None where a schedule has it, or there is none."""
    optimizer = innermost(getattr(model, "optimizer", None))
    rate = getattr(optimizer, "_learning_rate", None)
    if rate is None:
        return None
    # Not `keras.Variable`, which in Keras 3.5 is a class below that of its own variables; the count of steps is one.
    return float(rate.value) if isinstance(rate, type(optimizer.iterations)) else None


def log_schedule(run: Run, model: Any, epoch: int) -> None:
    """Log the rate that a schedule has arrived at; in the background, for some backends compile it first."""
    optimizer = innermost(getattr(model, "optimizer", None))
    schedule = getattr(optimizer, "_learning_rate", None)
    if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        return
    step = int(optimizer.iterations.value)

    def log() -> None:
        rate = keras.ops.convert_to_numpy(schedule(step))
        run.log_metric("learning_rate", float(rate), epoch)

    run.defer("computing a learning rate", log)


def innermost(optimizer: Any) -> Any:
    """Return the optimizer inside one that scales losses."""
    return getattr(optimizer, "inner_optimizer", optimizer)
