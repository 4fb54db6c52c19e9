"""A run that is being recorded: verbs in, records out."""

from __future__ import annotations

import logging
import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from autotrack import names
from autotrack.assignment import take_assignment
from autotrack.context import record_context
from autotrack.errors import UnsupportedValueError
from autotrack.identity import is_run_id, new_run_id, new_run_name
from autotrack.recording import current_recorder, open_journal
from autotrack.records import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    RUNNING,
    STATUSES,
    AnyRecord,
    DatasetLogged,
    EvaluationLogged,
    MetricsLogged,
    ModelLogged,
    NoteLogged,
    ParamsLogged,
    RunEnded,
    RunStarted,
    TagsSet,
)
from autotrack.run_files import RunFiles
from autotrack.run_journal import RunJournal
from autotrack.shield import shielded
from autotrack.values import clean_key, clean_text, items_of, to_metric, to_param, to_step

if TYPE_CHECKING:
    from autotrack.evaluation.report import Evaluation
    from autotrack.models.folder import ModelFolder

logger = logging.getLogger("autotrack")


class Run(RunFiles):
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
        self._strict = settings.strict
        self._keys: dict[str, str] = {}
        self._warned: set[str] = set()
        self._journal = RunJournal(self.id, open_journal)
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

    # Numbers and words

    def log_param(self, key: str, value: Any) -> None:
        """Record one parameter; its type is kept."""
        self.log_params({key: value})

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Record parameters; of a key logged twice, the last value counts."""
        if params:
            values = {clean_key(key): to_param(value) for key, value in items_of(params, "parameters")}
            self._write(ParamsLogged(time=time.time_ns(), params=values))

    def log_metric(self, key: str, value: Any, step: int = 0) -> None:
        """Record one point of a metric; NaN and infinities are kept as they are.

        Raises:
            UnsupportedValueError: The value is no number, and the setting `strict` is on.
        """
        try:
            clean = self._keys[key]
        except (KeyError, TypeError):
            clean = self._remember(key)
        try:
            number = value if type(value) is float else to_metric(value)
            step = step if type(step) is int and -(2**63) <= step < 2**63 else to_step(step)
        except UnsupportedValueError as error:
            self._refuse(clean, error)
            return
        self._write(MetricsLogged(time=time.time_ns(), metrics={clean: number}, step=step))

    def log_points(self, key: str, points: Sequence[tuple[int, float]]) -> None:
        """Record points of a metric, pairs of step and value, with a single write; for those who have many at once."""
        clean, now = self._keys.get(key) or self._remember(key), time.time_ns()
        self._journal.append_all([MetricsLogged(time=now, metrics={clean: value}, step=step) for step, value in points])

    def log_metrics(self, metrics: Mapping[str, Any], step: int = 0) -> None:
        """Record one point of several metrics at the same step; a value that is no number is noted and left out."""
        numbers: dict[str, float] = {}
        for key, value in items_of(metrics, "metrics"):
            try:
                numbers[self._keys.get(key) or self._remember(key)] = to_metric(value)
            except UnsupportedValueError as error:
                self._refuse(clean_key(key), error)
        try:
            whole = to_step(step)
        except UnsupportedValueError as error:
            self._refuse("step", error)
            return
        if numbers:
            self._write(MetricsLogged(time=time.time_ns(), metrics=numbers, step=whole))

    def _remember(self, key: Any) -> str:
        clean = clean_key(key)
        if isinstance(key, str) and len(self._keys) < 100_000:
            self._keys[key] = clean
        return clean

    def _refuse(self, key: str, error: UnsupportedValueError) -> None:
        if self._strict:
            raise error
        if key not in self._warned:
            self._warned.add(key)
            logger.warning("%r was not logged: %s", key, error)
            self.note("value.unsupported", f"{key}: {error}", level="warning")

    def set_tag(self, key: str, value: Any) -> None:
        """Set one tag, or remove it with None."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags; None removes one."""
        if tags:
            values = {clean_key(k): None if v is None else clean_text(str(v)) for k, v in items_of(tags, "tags")}
            self._write(TagsSet(time=time.time_ns(), tags=values))

    def note(self, code: str, message: str, level: str = "info") -> None:
        """Tell the user something about this run: what was skipped, and why."""
        self._write(NoteLogged(time=time.time_ns(), code=code, message=clean_text(message), level=level))

    # Data and results

    def log_dataset(self, data: Any, *, name: str | None = None, target: Any = None, context: str = "train") -> None:
        """Record the fingerprint of data: shape, columns and types, class balance and a sampled hash; never the data.

        Args:
            data: Array, frame, sparse matrix or anything else; iterators are left alone.
            name: What to call it; its type by default.
            target: The labels that belong to it.
            context: "train", "validation", "test" or another split.
        """
        from autotrack.capture.data import fingerprint

        found = fingerprint(data, name=name, target=target, context=context)
        self._write(
            DatasetLogged(
                time=time.time_ns(),
                name=found.name,
                context=context,
                digest=found.digest or "",
                schema=list(found.schema),
                profile=dict(found.profile),
            )
        )

    def evaluate(self, y_true: Any, y_pred: Any = None, y_score: Any = None, **options: Any) -> Evaluation:
        """Evaluate predictions and record the result; see `autotrack.evaluate` for the arguments."""
        from autotrack.evaluation import evaluate

        result = evaluate(y_true, y_pred, y_score, **options)
        self.log_evaluation(result)
        return result

    def log_evaluation(self, evaluation: Evaluation, step: int = 0) -> None:
        """Record an evaluation and its numbers as metrics `<split>_<metric>`."""
        prefix = evaluation.split
        report = EvaluationLogged(time=time.time_ns(), split=prefix, task=evaluation.task, report=evaluation.to_dict())
        self._write(report)
        values = {f"{prefix}_{key}": value for key, value in evaluation.metrics.items() if value is not None}
        self.log_metrics(values, step)

    def log_model_folder(self, folder: ModelFolder) -> None:
        """Record a model folder that stands complete in the run's artifact directory, and its files."""
        for file in folder.files:
            self.add_file(f"{folder.name}/{file.path}", file.size, file.sha256)
        self._write(
            ModelLogged(
                time=time.time_ns(),
                name=folder.name,
                flavors=folder.flavors,
                model_id=folder.model_id,
                signature=folder.signature,
                size=folder.size,
                files=[file.path for file in folder.files],
            )
        )

    # Life

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

    def _write(self, record: AnyRecord) -> None:
        self._journal.append(record)


def outcome(error: BaseException | None) -> tuple[str, str | None]:
    """Return the status and the traceback text of a run that ended with `error`."""
    if error is None or (isinstance(error, SystemExit) and error.code in {None, 0}):
        return FINISHED, None
    from autotrack.capture.secrets import mask_text  # an exception may quote the address it could not reach

    status = INTERRUPTED if isinstance(error, KeyboardInterrupt) else FAILED
    return status, mask_text("".join(traceback.format_exception(error))).value
