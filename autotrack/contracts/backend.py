"""What every backend must do, as tests."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from autotrack.backends.base import Backend, BackendContext
from autotrack.contracts.memory import MemoryRun
from autotrack.journal_reader import place
from autotrack.records import (
    FINISHED,
    AnyRecord,
    ArtifactLogged,
    MetricsLogged,
    ParamsLogged,
    RunEnded,
    RunStarted,
    TagsSet,
)
from autotrack.values import to_param

RUN = "0190" + "ab" * 14
WRITER = "feed00000001"
SECOND = 1_000_000_000


class BackendContract:
    """Tests of a backend; subclass it and say how to open yours and how to look into it."""

    @abstractmethod
    def open(self, context: BackendContext) -> Backend:
        """Return a new backend on the same place as before, as a new process would."""

    @abstractmethod
    def read(self, context: BackendContext, run_id: str) -> MemoryRun:
        """Return what the backend holds of a run, by other means than the backend itself.

        Fill in at least name, experiment, status, params, metrics, tags and the artifacts' sizes.
        """

    @pytest.fixture
    def context(self, tmp_path: Path) -> BackendContext:
        """Return a home with one artifact in it."""
        context = BackendContext(home=tmp_path / "home", artifacts=tmp_path / "home" / "artifacts")
        folder = context.artifacts / RUN / "notes"
        folder.mkdir(parents=True)
        (folder / "read.txt").write_text("hello")
        return context

    @pytest.fixture
    def backend(self, context: BackendContext) -> Iterator[Backend]:
        """Return an open backend."""
        backend = self.open(context)
        yield backend
        backend.close()

    def test_a_whole_run_arrives(self, backend: Backend, context: BackendContext) -> None:
        """All records of a run are there, with types and order."""
        backend.write(a_run())
        backend.flush()
        run = self.read(context, RUN)
        assert (run.name, run.experiment, run.status) == ("amber-falcon-17", "churn", FINISHED)
        assert run.params == {"C": 0.5, "solver": "lbfgs", "fit_intercept": True, "max_iter": 100}
        assert run.metrics["loss"] == [(0, 1.0), (1, 0.5), (2, 0.25)]
        assert run.tags["team"] == "x"
        assert "gone" not in run.tags
        assert run.artifacts["notes/read.txt"] == len("hello")

    def test_writing_twice_is_writing_once(self, backend: Backend, context: BackendContext) -> None:
        """A batch that is offered again, whole or in part, changes nothing."""
        records = a_run()
        backend.write(records)
        once = self.read(context, RUN)
        backend.write(records)
        backend.write(records[2:4])
        assert self.read(context, RUN) == once

    def test_a_new_process_may_repeat(self, context: BackendContext) -> None:
        """A batch that another process wrote before it died may come again."""
        records = a_run()
        for _ in range(2):
            backend = self.open(context)
            backend.write(records)
            backend.flush()
            backend.close()
        assert len(self.read(context, RUN).metrics["loss"]) == 3

    def test_batches_may_be_cut_anywhere(self, backend: Backend, context: BackendContext) -> None:
        """One record at a time gives the same run as all at once."""
        for record in a_run():
            backend.write([record])
        run = self.read(context, RUN)
        assert run.metrics["loss"] == [(0, 1.0), (1, 0.5), (2, 0.25)]
        assert run.status == FINISHED

    def test_the_last_value_of_a_param_counts(self, backend: Backend, context: BackendContext) -> None:
        """A param that is logged again is replaced."""
        start = a_run()[:1]
        again = placed([ParamsLogged(time=SECOND, params={"C": to_param(2)})], first=900)
        backend.write([*start, *again])
        assert self.read(context, RUN).params["C"] == 2

    def test_not_a_number_is_a_value(self, backend: Backend, context: BackendContext) -> None:
        """NaN is kept; so is the order of steps as they came."""
        values = [0.5, math.nan, 0.25]
        points = [MetricsLogged(time=SECOND, metrics={"loss": value}, step=at) for at, value in enumerate(values)]
        backend.write([*a_run()[:1], *placed(points, first=900)])
        found = [value for _, value in self.read(context, RUN).metrics["loss"]]
        assert [math.isnan(value) for value in found] == [False, True, False]

    def test_records_after_the_end_are_kept(self, backend: Backend, context: BackendContext) -> None:
        """An evaluation may come when the run has ended; it stays ended."""
        late = MetricsLogged(time=9 * SECOND, metrics={"test_accuracy_score": 0.9}, step=0)
        backend.write([*a_run(), *placed([late], first=0, writer="feed00000002")])
        run = self.read(context, RUN)
        assert run.metrics["test_accuracy_score"] == [(0, 0.9)]
        assert run.status == FINISHED


def a_run() -> list[AnyRecord]:
    """Return the records of one small run."""
    return placed(
        [
            RunStarted(time=SECOND, name="amber-falcon-17", experiment="churn", tags={"gone": "soon"}),
            ParamsLogged(time=SECOND, params={"C": to_param(0.5), "solver": to_param("lbfgs")}),
            ParamsLogged(time=SECOND, params={"fit_intercept": to_param(True), "max_iter": to_param(100)}),
            *(MetricsLogged(time=(2 + at) * SECOND, metrics={"loss": 0.5**at}, step=at) for at in range(3)),
            TagsSet(time=6 * SECOND, tags={"team": "x", "gone": None}),
            ArtifactLogged(time=6 * SECOND, path="notes/read.txt", size=5),
            RunEnded(time=7 * SECOND, status=FINISHED),
        ]
    )


def placed(records: Sequence[AnyRecord], first: int = 0, writer: str = WRITER) -> list[AnyRecord]:
    """Return records that know where they stand, as a journal's reader gives them."""
    for at, record in enumerate(records):
        place(record, RUN, writer, first + at)
    return list(records)
