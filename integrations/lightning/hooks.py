"""Hear what a trainer does without being one of its callbacks or loggers.

A callback of ours in `trainer.callbacks` would be seen by the user's hooks, by profilers, and by the pickle that a
spawned worker starts from; a logger of ours would change what Lightning warns of and where checkpoints go. So we listen
at the two places that every event passes: where callbacks are called, and where logged metrics are sent to loggers.
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
    """Who wants to hear of one trainer.

    Attributes:
        handlers: What to call after the callbacks have had a hook, by the hook's name. `on_exception` gets the
            exception; the others get nothing.
        depth: How many hooks of the trainer are under way. What a callback lets the trainer do inside a hook, such as
            the trial steps of a learning rate finder, is no part of the training.
    """

    def __init__(self) -> None:
        self.handlers: dict[str, Callable[..., None]] = {}
        self.depth = 0

    def metrics_logged(self, metrics: Metrics, step: int | None) -> None:
        """Take metrics, as Lightning sends them to its loggers."""


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
    """Patch both places in one of the packages of Lightning."""
    call = importlib.import_module(f"{package.__name__}.trainer.call")
    connector = importlib.import_module(f"{package.__name__}.trainer.connectors.logger_connector.logger_connector")
    patcher.wrap(call, "_call_callback_hooks", lambda original: _telling_hooks(patcher, original))
    patcher.wrap(connector._LoggerConnector, "log_metrics", lambda original: _telling_metrics(patcher, original))  # noqa: SLF001 - all metrics pass there


def is_watched(package: ModuleType) -> bool:
    """Say whether the package is patched in this process: a forked worker inherits that, a spawned one does not."""
    call = importlib.import_module(f"{package.__name__}.trainer.call")
    return hasattr(call._call_callback_hooks, "__wrapped__")  # noqa: SLF001 - see `watch_trainers`


def _telling_hooks(patcher: Patcher, original: Callable[..., None]) -> Callable[..., None]:
    def autotrack_call_hooks(trainer: Any, hook_name: str, *args: Any, **kwargs: Any) -> None:
        listener = _listeners.get(id(trainer))
        if listener is None or not patcher.live:
            original(trainer, hook_name, *args, **kwargs)
            return
        listener.depth += 1
        try:
            original(trainer, hook_name, *args, **kwargs)
        finally:
            listener.depth -= 1
        handler = listener.handlers.get(hook_name)
        # Hooks at the end of an epoch come twice: for most callbacks, then for those that monitor a metric.
        if handler is not None and listener.depth == 0 and kwargs.get("monitoring_callbacks") is not False:
            with shielded(f"recording {hook_name} of Lightning"):
                handler(*args) if hook_name == "on_exception" else handler()

    return autotrack_call_hooks


def _telling_metrics(patcher: Patcher, original: Callable[..., None]) -> Callable[..., None]:
    def autotrack_log_metrics(self: Any, metrics: Metrics, step: int | None = None) -> None:
        listener = _listeners.get(id(self.trainer))
        if listener is not None and patcher.live and listener.depth == 0 and metrics:
            with shielded("recording metrics of Lightning"):
                listener.metrics_logged(metrics, step)
        original(self, metrics, step)

    return autotrack_log_metrics
