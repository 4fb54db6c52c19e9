"""Record where a root run came from, and what the machine does meanwhile; all of it off the caller's thread."""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from autotrack import names
from autotrack.capture.program import known_options, known_params
from autotrack.capture.secret_names import mask_also
from autotrack.capture.seeds import framework_seeds
from autotrack.recorder import Recorder
from autotrack.recording import current_recorder

if TYPE_CHECKING:
    from autotrack.run import Run

RERUN_VARIABLE = "AUTOTRACK_RERUN_OF"
_position = itertools.count()
_latest: list[Run] = []


def record_context(run: Run) -> None:
    """Record code, command line, environment and system metrics of a root run, as the settings say."""
    recorder = current_recorder()
    recorder.runs[run.id] = run
    if recorder.settings.redact:
        mask_also(recorder.settings.redact)
    parts = frozenset(recorder.settings.capture)
    position = next(_position)
    _latest[:] = [run]
    if "console" in parts:
        _keep_console(run)
    _tag_rerun(run, position)
    if parts:
        if not parts.isdisjoint({"arguments", "seeds"}):
            _log_told(run, parts)
        directory, options = Path.cwd(), known_options()

        def record() -> None:
            from autotrack.surroundings import record_surroundings

            record_surroundings(run, directory, parts, options, position)

        run.defer("recording the context", record)
    if recorder.settings.log_system_metrics:
        _start_sampler(recorder, run)


def latest_root() -> Run | None:
    """Return the root run that began last in this process, ended or not."""
    return next((run for run in _latest if run.pid == os.getpid()), None)


def _keep_console(run: Run) -> None:
    """Keep what is printed from now until the run ends; nothing is where nobody watches the streams."""
    from autotrack.capture.console import console, readable

    mark = console.mark()

    def keep() -> None:
        if console.has_since(mark):
            end = console.mark()
            run.defer("keeping the console", lambda: run.log_text(readable(console.between(mark, end)), names.CONSOLE))

    run.before_end(keep)


def _log_told(run: Run, parts: Collection[str]) -> None:
    """Log arguments and seeds at once, so that what the training itself logs under the same name counts."""
    run.log_params({**known_params(), **(framework_seeds() if "seeds" in parts else {})})


def _tag_rerun(run: Run, position: int) -> None:
    """Link the run that `autotrack rerun` wants done again: the one of the same place in its process."""
    original, _, wanted = os.environ.get(RERUN_VARIABLE, "").partition(":")
    if original and wanted == str(position):
        run.set_tag(names.RERUN_OF, original)


def _start_sampler(recorder: Recorder, first: Run) -> None:
    """Sample the machine for all active root runs of this recorder, from one thread."""
    if "sampler" in recorder.services:
        return
    from autotrack.capture.energy import EnergyOfRuns, measured_parts
    from autotrack.capture.system import SystemSampler

    energy = EnergyOfRuns(first, recorder.settings.carbon_intensity)

    def emit(values: dict[str, float], step: int) -> None:
        parts = measured_parts(values)
        for run in list(recorder.runs.values()):
            if run.parent_id is None and run.status is None and run.pid == os.getpid():
                run.log_metrics(energy.of(run, values), step)
                if parts and run.first("energy"):
                    run.note("energy.measured", f"energy of the whole machine's {parts}; the rest is not measured")

    sampler = SystemSampler(interval=recorder.settings.system_interval, emit=emit)
    recorder.services["sampler"] = sampler
    try:
        sampler.start()
    except RuntimeError as error:
        first.note("system.skipped", f"nothing of the machine is measured: no thread can be started ({error})")
