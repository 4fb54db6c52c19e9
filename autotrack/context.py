"""Record where a root run came from, and what the machine does meanwhile; all of it off the caller's thread."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from autotrack import names
from autotrack.content import json_bytes
from autotrack.recorder import Recorder
from autotrack.recording import current_recorder

if TYPE_CHECKING:
    from autotrack.capture.git import GitState
    from autotrack.run import Run

GIT_FRESH_SECONDS = 10.0
_lock = threading.Lock()
_git: dict[Path, tuple[float, GitState | None]] = {}


def record_context(run: Run) -> None:
    """Record commit, command line, environment and system metrics of a root run, as the settings say."""
    recorder = current_recorder()
    recorder.runs[run.id] = run
    if recorder.settings.capture:
        directory = Path.cwd()
        run.defer("recording the context", lambda: _record(run, directory, frozenset(recorder.settings.capture)))
    if recorder.settings.log_system_metrics:
        _start_sampler(recorder)


def _record(run: Run, directory: Path, parts: frozenset[str]) -> None:
    from autotrack.capture.environment import capture_environment
    from autotrack.capture.tags import context_tags

    git = _fresh_git(directory) if "git" in parts else None
    environment = capture_environment()
    if "arguments" not in parts:
        environment = msgspec.structs.replace(environment, argv=[])
    run.set_tags(context_tags(git, environment))
    if "environment" in parts:
        run.log_bytes(names.ENVIRONMENT, json_bytes(msgspec.to_builtins(environment)))


def _fresh_git(directory: Path) -> GitState | None:
    """Return the state of the repository, asked at most every ten seconds: many short fits are one state."""
    from autotrack.capture.git import capture_git

    with _lock:
        known = _git.get(directory)
        if known is None or time.monotonic() - known[0] > GIT_FRESH_SECONDS:
            known = _git[directory] = (time.monotonic(), capture_git(directory))
    return known[1]


def _start_sampler(recorder: Recorder) -> None:
    """Sample the machine for all active root runs of this recorder, from one thread."""
    if "sampler" in recorder.services:
        return
    from autotrack.capture.system import SystemSampler

    def emit(values: dict[str, float], step: int) -> None:
        for run in list(recorder.runs.values()):
            if run.parent_id is None and run.status is None and run.pid == os.getpid():
                run.log_metrics(values, step)

    sampler = SystemSampler(interval=recorder.settings.system_interval, emit=emit)
    recorder.services["sampler"] = sampler
    sampler.start()
