"""`Model.fit` as one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from autotrack.capture.arguments import plain
from autotrack.held_out import fitted
from autotrack.integration import Call
from autotrack.integrations.keras import batches
from autotrack.integrations.keras.callback import AutotrackCallback
from autotrack.integrations.keras.callback_list import flat, inject
from autotrack.integrations.keras.checkpoints import Checkpoints, log_checkpoints
from autotrack.integrations.keras.data import Split, batch_size_of, log_data, rows_of_epoch, splits_of
from autotrack.integrations.keras.evaluation import log_evaluation
from autotrack.integrations.keras.guard import guarded
from autotrack.integrations.keras.known_data import known_splits
from autotrack.integrations.keras.model_file import log_model
from autotrack.integrations.keras.runs import log_origin, run_name, tags_of
from autotrack.integrations.keras.stopping import log_callbacks, log_stopping
from autotrack.run import Run

_DATA = ("x", "y", "callbacks", "validation_data", "verbose", "sample_weight")


class Fit(NamedTuple):
    """What hooks inside a training find on its call.

    Attributes:
        checkpoints: Files that the training has written.
    """

    checkpoints: Checkpoints


class FitCallback(AutotrackCallback):
    """The callback of an observed `fit`, which tells where the training stands."""

    def __init__(self, run: Run, checkpoints: Checkpoints) -> None:
        super().__init__(run)
        self._checkpoints = checkpoints

    @guarded
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Take down the epoch."""
        self._checkpoints.epoch = epoch
        super().on_epoch_begin(epoch, logs)


def observe_fit(call: Call) -> Iterator[None]:
    """Record one training."""
    model = call.instance
    arguments = call.arguments()
    batches.open_loops.close(model)
    with call.run(name=run_name(model), tags=tags_of(model)) as run:
        log_origin(run, model)
        training, validation = splits_of(arguments)
        run.log_params(_params(arguments))
        log_data(run, training, validation)
        callbacks = flat(arguments["callbacks"])
        log_callbacks(run, callbacks)
        found = call.memo = Fit(Checkpoints())
        callback = FitCallback(run, found.checkpoints)
        inject(call, arguments["callbacks"], callback, rows_of_epoch(arguments, training))
        yield
        call.memo = None  # what is saved from here on is ours
        fitted.remember(model, run, training.y)
        history = call.result
        log_stopping(run, callbacks, history.history, list(history.epoch))
        log_checkpoints(run, found.checkpoints)
        _evaluate(call, run, validation, arguments, callback.seconds_per_row)
        log_model(run, model, call)


def _params(arguments: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: plain(value) for name, value in arguments.items() if name not in _DATA}
    return {**found, "batch_size": batch_size_of(arguments), "sample_weight": arguments["sample_weight"] is not None}


def _evaluate(
    call: Call, run: Run, validation: Split | None, arguments: Mapping[str, Any], seconds: float | None
) -> None:
    """Evaluate on the validation data, unless the program's own predictions have to tell."""
    known_splits(run).seconds_per_row = seconds
    if validation is None:
        return
    batch = arguments["validation_batch_size"] or arguments["batch_size"]
    done = log_evaluation(call, run, validation, seconds_per_row=seconds, batch=batch)
    if arguments["validation_split"] and arguments["validation_data"] is None:
        return
    known = known_splits(run)
    name = known.name_for(validation.x, validation.y, validation.name)
    if done:
        known.first_evaluation(name)
