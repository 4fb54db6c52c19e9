"""A run that is being recorded: verbs in, records out."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType

from autotrack import names
from autotrack.assignment import take_assignment
from autotrack.context import record_context
from autotrack.errors import UnsupportedValueError
from autotrack.identity import is_run_id, new_run_id, new_run_name
from autotrack.recording import current_recorder, open_journal
from autotrack.records import FAILED, FINISHED, INTERRUPTED, RUNNING, STATUSES, RunEnded, RunStarted
from autotrack.run_journal import RunJournal
from autotrack.run_results import RunResults
from autotrack.shield import shielded
from autotrack.values import clean_key, clean_text, items_of


class Run(RunResults):
    """One training, written down while it happens.

    Every verb returns as soon as its record is with the kernel: a few microseconds, no network, no SQL. Logging after
    `end` is allowed and adds to the finished run. Use `autotrack.start_run` to make one.

    Args:
        name: What people call it; drawn at random by default.
        experiment: The group of runs it belongs to; the setting's value by default.
        run_id: Of an earlier run to go on with; a new one by default.
        parent_id: The run it is a part of.
        source: Who opened it: the name of an integration, or "manual".
        tags: Tags known at the start.
        open_ended: It was begun by a loop of which nobody says where it ends. What the program starts next is no part
            of it.

    Attributes:
        id: 32 hex characters, in order of time.
        own_models: Names of the models that the program logged itself; what is saved automatically takes others.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        experiment: str | None = None,
        run_id: str | None = None,
        parent_id: str | None = None,
        source: str = "manual",
        tags: Mapping[str, str] | None = None,
        open_ended: bool = False,
    ) -> None:
        settings = current_recorder().settings
        joined = False
        if run_id is None and parent_id is None:
            run_id, parent_id, joined = take_assignment()
        if run_id is not None and not is_run_id(run_id):
            raise UnsupportedValueError(
                f"{run_id!r} cannot be the id of a run: it takes 1 to 64 letters, digits, '-' and '_'. Leave it out "
                "for a new one; `name` is for what people shall read"
            )
        all_tags = {**settings.tags, **dict(items_of(tags or {}, "tags"))}
        self.id = run_id or new_run_id()
        self.name = clean_text(str(name or settings.run_name or new_run_name()))
        self.experiment = clean_text(str(experiment or settings.experiment))
        self.parent_id = parent_id
        self.source = source
        self.status: str | None = None
        self.overhead = 0.0
        self.open_ended = open_ended
        self._last_words: list[Callable[[], None]] = []
        self._claimed = False
        self._parts: set[str] = set()
        self.own_models: set[str] = set()
        self.pid = os.getpid()
        self._joined = joined
        super().__init__(RunJournal(self.id, open_journal), strict=settings.strict)
        if joined:  # the program that has opened it says where it came from, and when it is over
            self.set_tags(all_tags)
            return
        self._write(
            RunStarted(
                time=time.time_ns(),
                name=self.name,
                experiment=self.experiment,
                parent_id=parent_id,
                source=source,
                tags={clean_key(key): clean_text(str(value)) for key, value in all_tags.items()},
                resumed=run_id is not None,
            )
        )
        if parent_id is None:
            record_context(self)

    def __repr__(self) -> str:
        """Return one line: name, id and status."""
        return f"<Run {self.name} {self.id[:12]} {self.status or 'running'}>"

    def claim(self) -> bool:
        """Say whether a tracked call may log into this run: only the first one that asks may."""
        if self._claimed or self.status is not None:
            return False
        self._claimed = True
        return True

    def first(self, part: str) -> bool:
        """Say whether this part of the run is asked for the first time: of two observers that know it, one logs it."""
        if part in self._parts:
            return False
        self._parts.add(part)
        return True

    def defer(self, what: str, job: Callable[[], None]) -> None:
        """Run `job` in the background; the run takes its records although it may have ended."""
        self._journal.hold()

        def run_job() -> None:
            try:
                job()
            finally:
                self._journal.let_go()

        current_recorder().worker.submit(what, run_job)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count the time of a block as what tracking cost the caller."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.overhead += time.perf_counter() - started

    def before_end(self, last_words: Callable[[], None]) -> None:
        """Call `last_words` when the run is about to end, to log what an observer still holds."""
        self._last_words.append(last_words)

    def end(self, status: str = FINISHED, error: str | None = None) -> None:
        """End the run; ending twice is ending once. A forked child, or a worker, never ends its parent's run.

        Raises:
            UnsupportedValueError: There is no such status; the run stays open.
        """
        if status not in STATUSES or status == RUNNING:
            ends = ", ".join(repr(word) for word in STATUSES if word != RUNNING)
            raise UnsupportedValueError(f"a run cannot end as {status!r}; it ends as one of {ends}")
        if self.status is not None or self.pid != os.getpid():
            return
        while self._last_words:
            with shielded("logging the last of a run", self.note):
                self._last_words.pop()()
        if self.status is not None:
            return
        self.status = status
        if not self._joined:
            self.log_metric(names.OVERHEAD, self.overhead)
            self._write(RunEnded(time=time.time_ns(), status=status, error=clean_text(error) if error else None))
        self._journal.end()
        current_recorder().ended(self)

    def end_with(self, error: BaseException | None) -> None:
        """End the run with the status that the exception (or none) stands for."""
        status, text = outcome(error)
        self.end(status, text)

    def __enter__(self) -> Run:  # noqa: PYI034 - typing.Self needs Python 3.11, and nobody subclasses Run
        """Make this the active run of the context."""
        from autotrack.active import push

        push(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the run with the status that the exception (or none) stands for."""
        from autotrack.active import pop

        pop(self)
        self.end_with(error)


def outcome(error: BaseException | None) -> tuple[str, str | None]:
    """Return the status and the traceback text of a run that ended with `error`."""
    if error is None or (isinstance(error, SystemExit) and error.code in {None, 0}):
        return FINISHED, None
    from autotrack.capture.secrets import mask_text  # an exception may quote the address it could not reach

    status = INTERRUPTED if isinstance(error, KeyboardInterrupt) else FAILED
    return status, mask_text("".join(traceback.format_exception(error))).value
