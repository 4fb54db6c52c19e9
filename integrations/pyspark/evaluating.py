"""What evaluators of Spark say of a tracked model's predictions, logged into the run that trained it.

`model.transform(data)` leaves a note of which model made the DataFrame it returns, from which data; it keeps neither
alive. `evaluator.evaluate(predictions)` finds the note. A DataFrame that `select` or `filter` makes of the predictions
is another one, and nobody's.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple

from pyspark.sql import DataFrame

from autotrack import names
from autotrack.held_out.fitted import run_of
from autotrack.held_out.split_names import TEST, TRAINING, split_by_name
from autotrack.integration import Call
from autotrack.integrations.pyspark.reading import is_remote, reading
from autotrack.recording import current_recorder
from autotrack.run import Run

MAX_SPLITS = 10


class Predictions(NamedTuple):
    """Where a DataFrame of predictions comes from.

    Attributes:
        run: The run that trained the model.
        source: What tells the data apart that were predicted for.
        split: What the program's name for the data speaks of, or None.
    """

    run: Run
    source: int
    split: str | None


class History:
    """What was evaluated for one run.

    Attributes:
        splits: The name of each set of data.
        last: Step and value of each metric.
        info: Which evaluator computed it.
    """

    def __init__(self) -> None:
        self.splits: dict[int, str] = {}
        self.last: dict[str, tuple[int, float]] = {}
        self.info: dict[str, dict[str, Any]] = {}


_made: weakref.WeakKeyDictionary[Any, Predictions] = weakref.WeakKeyDictionary()
_histories: weakref.WeakKeyDictionary[Run, History] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def data_key(dataset: Any) -> int:
    """Return a number that is the same for DataFrames with the same plan; no job runs for it."""
    return id(dataset) if is_remote(dataset) else int(dataset.semanticHash())


def note_training_data(run: Run, dataset: Any) -> None:
    """Note what a model was trained on, so that an evaluation on it bears that name."""
    with _lock:
        _histories.setdefault(run, History()).splits[data_key(dataset)] = TRAINING


def observe_transform(call: Call) -> Iterator[None]:
    """Note which run's model made the DataFrame."""
    run = run_of(call.instance)
    if run is None or not current_recorder().settings.log_evaluation:
        return
    dataset = call.arguments().get("dataset")
    with run.timed():
        split = split_by_name(dataset)
    yield
    with run.timed(), reading(run, "predictions"):
        _made[call.result] = Predictions(run, data_key(dataset), split)


def observe_evaluate(call: Call) -> Iterator[None]:
    """Log what an evaluator says of predictions of a tracked model."""
    arguments = call.arguments()
    dataset, changes = arguments.get("dataset"), arguments.get("params")
    made = _made.get(dataset) if isinstance(dataset, DataFrame) else None
    if made is None or not current_recorder().settings.log_evaluation:
        return
    split = made.split or split_by_name(dataset) or TEST
    yield
    run = made.run
    with run.timed(), reading(run, "evaluator"):
        evaluator = call.instance.copy(changes) if changes else call.instance
        _log(run, made.source, split, evaluator, call.result)


def _log(run: Run, source: int, base: str, evaluator: Any, value: Any) -> None:
    if not isinstance(value, (int, float)):
        return
    with _lock:
        history = _histories.setdefault(run, History())
        split = history.splits.get(source) or _new_split(history, source, base)
        kind = type(evaluator)
        metric = evaluator.getMetricName() if hasattr(evaluator, "getMetricName") else kind.__name__
        key = f"{split}_{metric}"
        step, last = history.last.get(key, (-1, None))
        if last == value:
            return
        history.last[key] = (step + 1, value)
        options = {param.name: str(option) for param, option in evaluator.extractParamMap().items()}
        history.info[key] = {"evaluator": f"{kind.__module__}.{kind.__qualname__}", **options}
        info = dict(history.info)
    run.log_metric(key, value, step + 1)
    run.defer("writing evaluators", lambda: run.log_dict(info, names.METRIC_INFO))


def _new_split(history: History, source: int, base: str) -> str:
    """Return the name of data that were not evaluated before: a second set of the same name gets a number."""
    taken = set(history.splits.values())
    free = (name for at in range(1, MAX_SPLITS) if (name := base if at == 1 else f"{base}_{at}") not in taken)
    split = next(free, f"{base}_{MAX_SPLITS}")
    history.splits[source] = split
    return split


def forget_all() -> None:
    """Forget all predictions and what was evaluated."""
    _made.clear()
    _histories.clear()
