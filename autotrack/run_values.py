"""What a run takes in numbers and words: parameters, metrics, tags and notes."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from autotrack.errors import UnsupportedValueError
from autotrack.records import AnyRecord, MetricsLogged, NoteLogged, ParamsLogged, TagsSet
from autotrack.run_journal import RunJournal
from autotrack.values import clean_key, clean_text, items_of, to_metric, to_param, to_step

logger = logging.getLogger("autotrack")


class RunValues:
    """The part of a run that takes parameters, metrics, tags and notes; `Run` is the whole.

    Args:
        journal: Where records go.
        strict: Raise an error for a value that is none, instead of noting it.
    """

    def __init__(self, journal: RunJournal, *, strict: bool) -> None:
        self._journal = journal
        self._strict = strict
        self._keys: dict[str, str] = {}
        self._warned: set[str] = set()

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

    def _write(self, record: AnyRecord) -> None:
        self._journal.append(record)
