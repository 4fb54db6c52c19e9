"""Turn recording on and off: one line at the beginning of a program, or none where the command line does it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from autotrack import processes, recording
from autotrack.backends import check_target
from autotrack.capture.secret_names import mask_also
from autotrack.errors import SettingsError
from autotrack.plugins import Plugins
from autotrack.settings import Settings, resolve

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
    global _switching  # noqa: PLW0603 - the state of the process
    _switching = threading.RLock()  # a thread of the parent may hold it, and is not here


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def is_enabled() -> bool:
    """Say whether `enable` is in force."""
    return _plugins is not None


def integration_status() -> list[Any]:
    """Return what became of each integration, for `autotrack doctor`."""
    return _plugins.status() if _plugins is not None else []
