"""Functions that Ray runs in workers, with the word of the run they belong to: what is recorded there is added to it.

A worker may be on another machine, in an environment without autotrack. So what travels there is Ray's by value, and
uses the standard library alone: where the function records nothing itself, nothing of ours runs in the worker.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from autotrack.assignment import JOIN_VARIABLE
from autotrack.recording import current_recorder
from autotrack.targets import is_path

FLUSH_SECONDS = 5.0
"""How long the end of a function waits for what it has recorded itself: Ray kills its worker soon after."""


def trial_run_id(study_id: str, trial_id: str) -> str:
    """Return the id of the run of a trial, which the worker has to know as well: it sorts beside that of its study."""
    return study_id[:16] + hashlib.sha256(f"{study_id} {trial_id}".encode()).hexdigest()[:16]


def in_trial(function: Any, study_id: str) -> Any:
    """Return a trainable whose records go to the run of its trial; what is no plain function stays as it is."""
    variables = _settings()

    def place() -> dict[str, str]:
        import hashlib

        from ray.tune import get_context

        trial_id = get_context().get_trial_id()
        run_id = study_id[:16] + hashlib.sha256(f"{study_id} {trial_id}".encode()).hexdigest()[:16]
        return {**variables, "AUTOTRACK_JOIN_RUN": run_id}

    return _placed(function, place)


def in_worker(function: Any, run_id: str) -> Any:
    """Return a training function whose records go to a run; by itself only the worker of rank 0 records."""
    variables = {**_settings(), JOIN_VARIABLE: run_id}

    def place() -> dict[str, str]:
        from ray.train import get_context

        alone = get_context().get_world_rank() == 0
        return variables if alone else {**variables, "AUTOTRACK_DISABLED": "1"}

    return _placed(function, place)


def _settings() -> dict[str, str]:
    """Return the variables that let a worker record to where this process does, from another working directory."""
    recorder = current_recorder()
    to = [one for one in recorder.settings.to if not is_path(one) and not one.startswith("memory:")]
    found = {
        "AUTOTRACK_STORE": str(Path(recorder.home.root).absolute()),
        "AUTOTRACK_TO": ",".join(to),
        "AUTOTRACK_EXPERIMENT": recorder.settings.experiment,
    }
    return {name: value for name, value in found.items() if value}


def _placed(function: Any, place: Callable[[], Mapping[str, str]]) -> Any:
    if not inspect.isfunction(function) or inspect.isgeneratorfunction(function):
        return function
    patience = FLUSH_SECONDS

    @functools.wraps(function)
    def autotrack_worker(*args: Any, **kwargs: Any) -> Any:
        import contextlib
        import os
        import sys

        tracker = sys.modules.get("autotrack")
        was_on = tracker is not None and tracker.is_enabled()
        with contextlib.suppress(Exception):  # not in such a worker: what it records stays where it is
            os.environ.update(place())
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            error.__traceback__ = error.__traceback__.tb_next  # type: ignore[union-attr] # this frame is not the program's
            raise
        finally:
            tracker = sys.modules.get("autotrack")
            if tracker is not None:
                with contextlib.suppress(Exception):  # the journal has it all
                    if tracker.is_enabled() and not was_on:
                        tracker.disable()
                    tracker.flush(patience)

    return autotrack_worker
