"""The verbs that log. They hold no logic of their own: each finds the run and hands over."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autotrack import recording
from autotrack.active import active_run, paused, pop, push
from autotrack.errors import AutotrackError
from autotrack.records import FINISHED
from autotrack.run import Run

if TYPE_CHECKING:
    from autotrack.evaluation.report import Evaluation

__all__ = [
    "active_run",
    "end_run",
    "evaluate",
    "flush",
    "log_artifact",
    "log_artifacts",
    "log_dataset",
    "log_dict",
    "log_figure",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_table",
    "log_text",
    "paused",
    "set_tag",
    "set_tags",
    "start_run",
]


def start_run(
    name: str | None = None,
    *,
    experiment: str | None = None,
    run_id: str | None = None,
    nested: bool = False,
    tags: Mapping[str, str] | None = None,
) -> Run:
    """Start a run of your own, best in a `with` block; works with and without `enable`.

    Args:
        name: What to call it. Default: a name such as "amber-falcon-17".
        experiment: The group it belongs to. Default: the parent's, else the setting's.
        run_id: Id of an earlier run to go on with: letters, digits, "-" and "_", 64 at most.
        nested: Make it a child of the active run; without this, an active run of your own is an error. Inside what an
            integration has begun, such as the trial of a study, it is a child in any case.
        tags: Its tags.

    Returns:
        The run; it ends with the `with` block, with `end_run()`, or with the process.

    Raises:
        AutotrackError: A run of your own is active and `nested` is not given.
        UnsupportedValueError: `run_id` cannot be an id, or `tags` is no mapping.

    Example:
        >>> import autotrack
        >>> with autotrack.start_run("baseline") as run:
        ...     run.log_metric("loss", 0.25, step=1)
    """
    parent = active_run()
    if parent is not None and parent.open_ended and not nested:
        parent.end()
        parent = active_run()
    if parent is not None and not nested and parent.source == "manual":
        raise AutotrackError(
            f"run {parent.name!r} is active; end it first (autotrack.end_run()) or pass nested=True for a child"
        )
    if experiment is None and parent is not None:
        experiment = parent.experiment
    run = Run(name, experiment=experiment, run_id=run_id, parent_id=parent.id if parent else None, tags=tags)
    push(run)
    return run


def end_run(status: str = FINISHED) -> None:
    """End the active run; does nothing where there is none.

    Args:
        status: "finished", "failed", "interrupted" or "killed".

    Raises:
        UnsupportedValueError: It is another word; the run stays open.
    """
    run = active_run()
    if run is not None:
        run.end(status)
        pop(run)


def _run() -> Run:
    """Return the active run; what is logged outside of any starts one that ends with the process."""
    return active_run() or start_run()


def log_param(key: str, value: Any) -> None:
    """Record a parameter on the active run; its type is kept and its length is not limited."""
    _run().log_param(key, value)


def log_params(params: Mapping[str, Any]) -> None:
    """Record parameters on the active run."""
    _run().log_params(params)


def log_metric(key: str, value: Any, step: int = 0) -> None:
    """Record a point of a metric on the active run: a number, or a scalar of numpy, torch, TensorFlow or JAX."""
    _run().log_metric(key, value, step)


def log_metrics(metrics: Mapping[str, Any], step: int = 0) -> None:
    """Record a point of several metrics at the same step on the active run."""
    _run().log_metrics(metrics, step)


def set_tag(key: str, value: Any) -> None:
    """Set a tag of the active run, or remove it with None."""
    _run().set_tag(key, value)


def set_tags(tags: Mapping[str, Any]) -> None:
    """Set tags of the active run; None removes one."""
    _run().set_tags(tags)


def log_artifact(local_path: str | os.PathLike[str], artifact_path: str | None = None) -> None:
    """Copy a file (or a directory) into the active run, below the folder `artifact_path` if given."""
    _run().log_artifact(local_path, artifact_path)


def log_artifacts(local_dir: str | os.PathLike[str], artifact_path: str | None = None) -> None:
    """Copy all files of a directory into the active run."""
    _run().log_artifacts(local_dir, artifact_path)


def log_text(text: str, path: str) -> None:
    """Keep a text as a file of the active run."""
    _run().log_text(text, path)


def log_dict(dictionary: Mapping[str, Any], path: str) -> None:
    """Keep a dict as a JSON file of the active run."""
    _run().log_dict(dictionary, path)


def log_figure(figure: Any, path: str) -> None:
    """Keep a matplotlib or plotly figure as a file of the active run; the suffix chooses the format."""
    _run().log_figure(figure, path)


def log_table(data: Any, path: str) -> None:
    """Keep a table (columns, rows of mappings, a frame) as a .csv or .json file of the active run."""
    _run().log_table(data, path)


def log_dataset(data: Any, *, name: str | None = None, target: Any = None, context: str = "train") -> None:
    """Record the fingerprint of data (never the data) on the active run."""
    _run().log_dataset(data, name=name, target=target, context=context)


def evaluate(
    y_true: Any,
    y_pred: Any = None,
    y_score: Any = None,
    *,
    labels: Any = None,
    split: str = "test",
    sample_weight: Any = None,
) -> Evaluation:
    """Evaluate predictions and record metrics, confusion matrix and curves on the active run.

    Args:
        y_true: True labels or values, shape (n,), or (n, outputs).
        y_pred: Predicted labels or values, of the same shape.
        y_score: Probabilities or decision values: (n,) of the positive class, or (n, classes).
        labels: Classes in the order of the columns of `y_score`, as in a model's `classes_`.
        split: What the data are: "test", "validation", or any name; it prefixes the metrics.
        sample_weight: Weights, shape (n,).

    Returns:
        The evaluation, with all its numbers.

    Raises:
        EvaluationError: The arrays do not belong together.

    Example:
        >>> import autotrack
        >>> with autotrack.start_run():
        ...     result = autotrack.evaluate([0, 1, 1], [0, 1, 0])
        >>> round(result.metrics["accuracy_score"], 3)
        0.667
    """
    return _run().evaluate(y_true, y_pred, y_score, labels=labels, split=split, sample_weight=sample_weight)


def flush(timeout: float | None = None) -> bool:
    """Wait until every backend has all that was logged.

    Args:
        timeout: Seconds to wait at most. Default: as long as it takes.

    Returns:
        Whether they all have it. What they lack stays on disk and is delivered later.
    """
    recorder = recording.open_recorder()
    return recorder is None or recorder.flush(timeout)
