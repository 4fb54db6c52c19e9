"""Strategies that start their workers from the running program (`ddp_spawn`, `ddp_fork`, `ddp_notebook`): one run.

The worker of rank 0 trains, and the process that called `fit` waits. So a recording goes with the function that the
worker is given, and what it writes comes back through a pipe. Strategies that start the program again for each rank
(`ddp`, torchrun, SLURM) need nothing: their rank 0 records as any program does, and the others are not enabled.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

from autotrack import recording as recorder
from autotrack.active import push
from autotrack.integration import Patcher
from autotrack.integrations.lightning.hooks import (
    forget_all,
    is_watched,
    listener_of,
    listening,
    watch_trainers,
)
from autotrack.integrations.lightning.recording import StageRecording
from autotrack.integrations.lightning.remote import Sent, reachable
from autotrack.settings import Settings
from autotrack.shield import shielded


class Worker:
    """The function that workers are started with: the one of Lightning, recorded where the rank is 0.

    Args:
        function: Lightning's own, a method of the trainer.
        package: Name of the package of the trainer.
        recording: Class of the recording.
        settings: Those in force.
        sent: How to reach the run.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        package: str,
        recording: type[StageRecording],
        settings: Settings,
        sent: Sent,
    ) -> None:
        self._function = function
        self._package = package
        self._recording = recording
        self._settings = settings
        self._sent = sent

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Train, in a worker."""
        forget_all()  # a forked worker knows the trainers of its parent
        recording = self._begin() if os.environ.get("LOCAL_RANK") == "0" else None
        if recording is None:
            return self._function(*args, **kwargs)
        try:
            with listening(recording.trainer, recording):
                return self._function(*args, **kwargs)
        finally:
            with shielded("recording the end of a worker"):
                recording.finish()

    def _begin(self) -> StageRecording | None:
        with shielded("recording in a worker"):
            recorder.configure(self._settings)
            package = importlib.import_module(self._package)
            if not is_watched(package):
                watch_trainers(Patcher("lightning"), package)
            run = self._sent.open()
            push(run)
            return self._recording(run, self._function.__self__)  # type: ignore[attr-defined]
        return None


def watch_launchers(patcher: Patcher, package: ModuleType) -> None:
    """Patch the launcher of workers that are copies of this process or start from a pickle."""
    module = importlib.import_module(f"{package.__name__}.strategies.launchers.multiprocessing")

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def autotrack_launch(self: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            listener = listener_of(getattr(function, "__self__", None))
            if not patcher.live or not isinstance(listener, StageRecording):
                return original(self, function, *args, **kwargs)
            listener.in_worker = True
            with reachable(listener.run) as sent:
                settings = recorder.current_settings()
                worker = Worker(
                    function, package=package.__name__, recording=type(listener), settings=settings, sent=sent
                )
                return original(self, worker, *args, **kwargs)

        return autotrack_launch

    patcher.wrap(module._MultiProcessingLauncher, "launch", make)  # noqa: SLF001 - public classes have other names
