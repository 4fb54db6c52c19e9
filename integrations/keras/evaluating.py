"""`Model.evaluate` outside of a training: what it says of held-out data, on the run that trained the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from autotrack.active import active_run
from autotrack.held_out import fitted
from autotrack.held_out.split_names import TEST, TRAINING, split_by_name
from autotrack.integration import Call
from autotrack.integrations.keras.callback_list import flat
from autotrack.integrations.keras.data import Split, log_data, split_of
from autotrack.integrations.keras.evaluation import log_evaluation
from autotrack.integrations.keras.guard import guarded
from autotrack.integrations.keras.known_data import known_splits
from autotrack.integrations.keras.pace import Pace
from autotrack.run import Run


class Results(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the metrics of an evaluation by their names, which the list that `evaluate` returns has not."""

    def __init__(self) -> None:
        super().__init__()
        self.logs: dict[str, Any] = {}
        self.pace = Pace()

    @guarded
    def on_test_begin(self, logs: Any = None) -> None:
        """Begin."""
        self.pace.begin()

    @guarded
    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Count."""
        self.pace.batch()

    @guarded
    def on_test_end(self, logs: Any = None) -> None:
        """Keep them."""
        self.pace.end()
        self.logs = dict(logs or {})


def observe_evaluate(call: Call) -> Iterator[None]:
    """Record one evaluation that the program asks for."""
    arguments = call.arguments()
    run = fitted.run_of(call.instance) or active_run()
    if run is None or isinstance(arguments["callbacks"], keras.callbacks.CallbackList):
        return
    x, y = arguments["x"], arguments["y"]
    wanted = split_by_name(y, x) or TEST
    results = Results()
    call.replace(callbacks=[*flat(arguments["callbacks"]), results])
    yield
    call.run_used = run
    with run.timed():
        known = known_splits(run)
        name = known.name_for(x, y, wanted)
        split = split_of(name, x, y, arguments["sample_weight"])
        step = known.next_step(name)
        if step == 0 and name != TRAINING and not name.startswith("validation"):
            log_data(run, split)
        run.log_metrics({f"{name}_{metric}": value for metric, value in results.logs.items()}, step)
        _evaluate(call, run, split, results.pace.seconds_per_row(split.rows), arguments["batch_size"])


def _evaluate(call: Call, run: Run, split: Split, seconds: float | None, batch: Any) -> None:
    known = known_splits(run)
    if not known.first_evaluation(split.name):
        return
    found = [each for each in (seconds, known.seconds_per_row) if each is not None]
    if not log_evaluation(call, run, split, seconds_per_row=min(found, default=None), batch=batch):
        known.forget_evaluation(split.name)
