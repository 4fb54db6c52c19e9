"""The public verbs. They hold no logic of their own: each finds the run or the store and hands over."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from autotrack import processes, recording
from autotrack.active import active_run, paused, pop, push
from autotrack.backends import check_target
from autotrack.capture.secret_names import mask_also
from autotrack.errors import AutotrackError, SettingsError
from autotrack.plugins import Plugins
from autotrack.records import FINISHED
from autotrack.run import Run
from autotrack.settings import Settings, resolve

if TYPE_CHECKING:
    from autotrack.evaluation.report import Evaluation
    from autotrack.run_list import RunList
    from autotrack.stored_run import StoredRun

__all__ = [
    "active_run",
    "delete_run",
    "disable",
    "enable",
    "end_run",
    "evaluate",
    "flush",
    "get_run",
    "is_enabled",
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
    "restore_run",
    "search_runs",
    "set_tag",
    "set_tags",
    "start_run",
]

logger = logging.getLogger("autotrack")

_plugins: Plugins | None = None
_enabled: Settings | None = None
_switching = threading.RLock()  # one thread at a time enables or disables


def enable(  # noqa: PLR0913 - one keyword an option, typed and documented
    to: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
    *,
    experiment: str | None = None,
    only: Iterable[str] | None = None,
    exclude: Iterable[str] | None = None,
    log_models: bool | None = None,
    log_datasets: bool | None = None,
    log_evaluation: bool | None = None,
    log_system_metrics: bool | None = None,
    log_input_examples: bool | None = None,
    max_child_runs: int | None = None,
    tags: Mapping[str, str] | None = None,
    strict: bool | None = None,
    **settings: Any,
) -> None:
    """Record every training in this process from now on.

    Calling it again with the same arguments does nothing; with others, it starts over with those. What is not given
    comes from `AUTOTRACK_*` variables, `[tool.autotrack]` in pyproject.toml, or the default; `autotrack env` shows it.

    Args:
        to: Where runs go: a directory, a URL, "mlflow", or several of them. Default: the store in `.autotrack`.
        experiment: The group new runs belong to. Default: "default".
        only: Names of the only integrations to use, such as "sklearn". Default: all.
        exclude: Names of integrations to leave out.
        log_models: Save trained models. Default: True.
        log_datasets: Record fingerprints of data. Default: True.
        log_evaluation: Evaluate models on the data they were given. Default: True.
        log_system_metrics: Sample CPU, memory, disk, network and GPU. Default: True.
        log_input_examples: Keep a few rows of the training data beside the model. Default: False.
        max_child_runs: How many of the best candidates of a search get a run of their own. Default: 5.
        tags: Tags that every run gets.
        strict: Raise errors of autotrack itself instead of noting them. Default: False.
        **settings: Any other setting by name; see `autotrack env`.

    Raises:
        SettingsError: A setting has an unknown name or a value that is not allowed.
        UnknownBackendError: No backend understands a URL in `to`.

    Example:
        >>> import autotrack
        >>> autotrack.enable(experiment="churn")
        >>> autotrack.disable()
    """
    given = {name: value for name, value in locals().items() if name not in {"settings", "to"}}
    wanted = resolve(to=_targets(to), **{**given, **settings}).settings
    with _switching:
        _switch_to(wanted)


def _switch_to(wanted: Settings) -> None:
    """Record with these settings, once; see `enable`."""
    global _plugins, _enabled
    if wanted == _enabled:
        return
    for target in wanted.to:
        check_target(target)
    disable()
    if wanted.disabled or not _records_here(wanted):
        return
    recording.configure(wanted)
    mask_also(wanted.redact)
    logger.setLevel(wanted.log_level.upper())
    plugins = Plugins()
    try:
        plugins.enable(wanted.only, wanted.exclude, wanted.capture)
    except Exception:
        plugins.disable()
        recording.forget_settings()
        raise
    _plugins, _enabled = plugins, wanted


def _targets(to: Any) -> list[str] | None:
    if to is None:
        return None
    targets = [to] if isinstance(to, (str, os.PathLike)) else to
    try:
        return [os.fspath(target) for target in targets]
    except TypeError:
        raise SettingsError(f"to = {to!r} (from argument): expected a path, a URL, or several of them") from None


def _records_here(settings: Settings) -> bool:
    """Say whether this process is one that records: the main one, and of a distributed job rank 0."""
    if processes.is_pool_worker() and not settings.workers:
        return False
    return settings.all_ranks or processes.rank() == 0


def disable() -> None:
    """Stop recording by itself: put back everything that was patched, deliver what waits, end all threads.

    Runs that are still open stay open; runs of your own go on as before.
    """
    global _plugins, _enabled
    with _switching:
        plugins, _plugins, _enabled = _plugins, None, None
        if plugins is None:
            return
        plugins.disable()
        recorder = recording.open_recorder()
        still_open = recorder is not None and any(run.status is None for run in recorder.runs.values())
        recording.close_recorder()
        if not still_open:
            recording.forget_settings()


def _after_fork_in_child() -> None:
    global _switching
    _switching = threading.RLock()  # a thread of the parent may hold it, and is not here


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def is_enabled() -> bool:
    """Say whether `enable` is in force."""
    return _plugins is not None


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


def search_runs(
    filter: str | None = None,  # noqa: A002 - the word users know
    *,
    experiment: str | None = None,
    order_by: str | None = None,
    limit: int | None = None,
) -> RunList:
    """Return runs of the store, newest first.

    Args:
        filter: Such as `metrics.val_acc > 0.9 and (params.C < 1 or tags.team = "x")`. Default: all.
        experiment: Only runs of this experiment.
        order_by: Such as "metrics.val_acc desc, start_time".
        limit: How many at most.

    Raises:
        FilterError: The filter cannot be read; the message points at the column.
    """
    from autotrack import history

    return history.search_runs(filter, experiment=experiment, order_by=order_by, limit=limit)


def get_run(run_id: str) -> StoredRun:
    """Return one run of the store.

    Args:
        run_id: Its id, a prefix of it that no other run has, or "@last".

    Raises:
        RunNotFoundError: No run, or several, match.
    """
    from autotrack import history

    return history.get_run(run_id)


def delete_run(run_id: str) -> None:
    """Move a run to the trash; `restore_run` brings it back."""
    from autotrack import history

    history.delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Bring a deleted run back."""
    from autotrack import history

    history.restore_run(run_id)


def integration_status() -> list[Any]:
    """Return what became of each integration, for `autotrack doctor`."""
    return _plugins.status() if _plugins is not None else []
