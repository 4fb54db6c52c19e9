"""Hear what a trainer does without being one of its callbacks or loggers.

A callback of ours in `trainer.callbacks` would be seen by the user's hooks, by profilers, and by the pickle that a
spawned worker starts from; a logger of ours would change what Lightning warns of and where checkpoints go. So we listen
where the trainer's loops pass once an epoch, and where all logged metrics are sent to loggers. Nothing is patched that
is called once a batch.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from autotrack.integration import Patcher
from autotrack.shield import shielded

Metrics = Mapping[str, Any]


class Listener:
    """Who wants to hear of one trainer; by default does nothing with it.

    Attributes:
        muted: Whether the trainer tries something out for a tuner, which is no part of the training.
    """

    def __init__(self) -> None:
        self.muted = False

    def training_begins(self) -> None:
        """The first batch is about to come; everything is set up."""

    def epoch_begins(self) -> None:
        """An epoch of training begins."""

    def epoch_ends(self) -> None:
        """An epoch of training is over, its metrics are logged and its checkpoints are saved."""

    def metrics_logged(self, metrics: Metrics, step: int | None) -> None:
        """Lightning sends metrics to its loggers, if there are any; there may be no metrics."""


_listeners: dict[int, Listener] = {}


@contextmanager
def listening(trainer: Any, listener: Listener) -> Iterator[None]:
    """Let `listener` hear of `trainer` inside the block."""
    _listeners[id(trainer)] = listener
    try:
        yield
    finally:
        _listeners.pop(id(trainer), None)


def listener_of(trainer: Any) -> Listener | None:
    """Return who listens to a trainer."""
    return _listeners.get(id(trainer))


def forget_all() -> None:
    """Listen to no trainer any more: what a forked worker does with those of its parent."""
    _listeners.clear()


def watch_trainers(patcher: Patcher, package: ModuleType) -> None:
    """Patch what trainers pass in one of the packages of Lightning."""
    loop = _fit_loop(package)
    patcher.wrap(loop, "on_run_start", lambda original: _telling(patcher, original, "training_begins"))
    patcher.wrap(loop, "on_advance_start", lambda original: _telling(patcher, original, "epoch_begins"))
    patcher.wrap(loop, "on_advance_end", lambda original: _telling(patcher, original, "epoch_ends"))
    connectors = importlib.import_module(f"{package.__name__}.trainer.connectors.logger_connector.logger_connector")
    connector = connectors._LoggerConnector  # noqa: SLF001 - all metrics pass there
    patcher.wrap(connector, "log_metrics", lambda original: _telling_metrics(patcher, original))
    callbacks = importlib.import_module(f"{package.__name__}.callbacks")
    patcher.wrap(callbacks.LearningRateFinder, "lr_find", _muting)
    patcher.wrap(callbacks.BatchSizeFinder, "scale_batch_size", _muting)


def is_watched(package: ModuleType) -> bool:
    """Say whether the package is patched in this process: a forked worker inherits that, a spawned one does not."""
    return hasattr(_fit_loop(package).on_run_start, "__wrapped__")


def _fit_loop(package: ModuleType) -> Any:
    return importlib.import_module(f"{package.__name__}.loops.fit_loop")._FitLoop  # noqa: SLF001 - its only name


def _telling(patcher: Patcher, original: Callable[..., Any], event: str) -> Callable[..., Any]:
    def autotrack_loop(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        listener = _listeners.get(id(self.trainer))
        if listener is not None and patcher.live and not listener.muted:
            with shielded(f"recording Lightning: {event}"):
                getattr(listener, event)()
        return result

    return autotrack_loop


def _telling_metrics(patcher: Patcher, original: Callable[..., None]) -> Callable[..., None]:
    def autotrack_log_metrics(self: Any, metrics: Metrics, step: int | None = None) -> None:
        listener = _listeners.get(id(self.trainer))
        if listener is not None and patcher.live and not listener.muted:
            with shielded("recording metrics of Lightning"):
                listener.metrics_logged(metrics, step)
        original(self, metrics, step)

    return autotrack_log_metrics


def _muting(original: Callable[..., Any]) -> Callable[..., Any]:
    """Take trial steps for no training; the callbacks of tuners make them with the very trainer that is to train."""

    def autotrack_trial(self: Any, trainer: Any, *args: Any, **kwargs: Any) -> Any:
        listener = _listeners.get(id(trainer))
        if listener is None:
            return original(self, trainer, *args, **kwargs)
        listener.muted = True
        try:
            return original(self, trainer, *args, **kwargs)
        finally:
            listener.muted = False

    return autotrack_trial
