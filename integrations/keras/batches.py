"""Loops of `train_on_batch`: the calls on one model are the steps of one run.

The run ends when the model is trained by `fit`, when it is no longer alive, with the process, or with `disable`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autotrack.held_out import fitted
from autotrack.integration import Call
from autotrack.integrations.keras.data import Split, log_data, rows_of
from autotrack.integrations.keras.description import describe_model, metric_names
from autotrack.integrations.keras.learning_rate import rate_of
from autotrack.integrations.keras.model_file import log_model
from autotrack.integrations.keras.runs import log_origin, run_name, tags_of
from autotrack.patching.lasting import LastingTraining, LastingTrainings
from autotrack.recording import current_recorder


class Loop(LastingTraining):
    """The open run of one model's loop.

    Attributes:
        rows: Rows seen so far.
    """

    def __init__(self, model: Any) -> None:
        super().__init__(model, name=run_name(model), source="keras", tags=tags_of(model))
        self.rows = 0

    def record(self, call: Call) -> None:
        """Log one step."""
        arguments = call.arguments()
        if self.steps == 0:
            describe_model(self.run, call.instance)
            log_data(self.run, Split("training", arguments["x"], arguments["y"]))
            log_origin(self.run, call.instance)
            fitted.remember(call.instance, self.run)
        self.rows += rows_of(arguments["x"]) or 0
        self.steps += 1
        every = current_recorder().settings.log_every_n_steps or 1
        if (self.steps - 1) % every == 0:
            values = results_of(call.instance, call.result)
            rate = rate_of(call.instance)
            if rate is not None:
                values.setdefault("learning_rate", rate)
            self.run.log_metrics(values, self.steps - 1)

    def keep(self, subject: Any) -> None:
        """Save the model if it is still alive."""
        self.run.log_params({"train_on_batch.calls": self.steps, "train_on_batch.rows": self.rows})
        if subject is None:
            self.run.note("model.skipped", "the model was gone when its last batch had been trained")
        else:
            log_model(self.run, subject)


open_loops = LastingTrainings(Loop)


def observe_train_on_batch(call: Call) -> Iterator[None]:
    """Record one batch as a step of the model's run."""
    with open_loops.part(call) as loop:
        yield
    loop.record(call)
    call.add_overhead(loop.run)


def results_of(model: Any, result: Any) -> dict[str, Any]:
    """Return the metrics of a batch by name; Keras gives them as a list in the order of the model's metrics."""
    if isinstance(result, dict):
        return dict(result)
    values = list(result) if isinstance(result, (list, tuple)) else [result]
    found = [name for metric in model.metrics for name in metric_names(metric)]
    return dict(zip(found, values, strict=False))
