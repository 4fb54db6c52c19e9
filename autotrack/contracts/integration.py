"""What every integration must do, and must never do, as tests."""

from __future__ import annotations

import contextlib
import inspect
import os
import pickle
import random
import subprocess
import sys
import threading
import traceback
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pytest

import autotrack
from autotrack import recording
from autotrack.contracts.memory import MemoryBackend, MemoryRun
from autotrack.integration import Call
from autotrack.records import FAILED, FINISHED


class IntegrationContract:
    """Tests of an integration; subclass it and say how your library trains.

    Attributes:
        name: The integration's name, as in `enable(only=...)`.
        module: What users import.
    """

    name: ClassVar[str]
    module: ClassVar[str]

    @abstractmethod
    def train(self) -> Any:
        """Train something small, always the same, by one call that is tracked; return the trained object."""

    @abstractmethod
    def train_badly(self) -> Any:
        """Make the same kind of call in a way that the library refuses with an exception of its own."""

    @abstractmethod
    def outcome(self, trained: Any) -> bytes:
        """Return what makes two trainings equal, such as the bytes of their predictions."""

    @abstractmethod
    def functions(self) -> Sequence[tuple[Any, str]]:
        """Return the tracked functions as (class or module, name)."""

    def train_nested(self) -> Any:
        """Make one call that makes other tracked calls inside; by default the same as `train`."""
        return self.train()

    @pytest.fixture
    def memory(self) -> Iterator[MemoryBackend]:
        """Track this integration alone, into memory."""
        name = os.urandom(4).hex()
        autotrack.enable(to=f"memory://{name}", only=[self.name], log_system_metrics=False)
        yield MemoryBackend.named(name)
        autotrack.disable()

    def recorded(self, memory: MemoryBackend) -> MemoryRun:
        """Return the only root run."""
        autotrack.flush(30)
        (run,) = memory.roots
        return run

    def test_one_training_is_one_finished_run(self, memory: MemoryBackend) -> None:
        """A training is recorded with what it was called with, and what tracking cost."""
        self.train()
        run = self.recorded(memory)
        assert run.status == FINISHED
        assert run.source == self.name
        assert run.params
        assert run.last("autotrack.overhead_seconds") > 0
        assert not [note for note in run.notes if note.level == "error"]

    def test_the_outcome_is_the_same_as_without(self) -> None:
        """The trained object does the same, tracked or not."""
        bare = self.outcome(self.train())
        with tracked(self.name):
            assert self.outcome(self.train()) == bare

    def test_random_numbers_are_left_alone(self) -> None:
        """The streams of `random` and numpy stand where they stand without tracking."""
        import numpy as np

        def states() -> tuple[Any, ...]:
            random.seed(7)
            np.random.seed(7)  # noqa: NPY002 - the legacy stream is the one that users seed
            self.train()
            return random.random(), float(np.random.random())  # noqa: S311, NPY002 - we ask where the streams stand

        bare = states()
        with tracked(self.name):
            assert states() == bare

    def test_errors_of_the_library_are_the_users(self) -> None:
        """The same exception comes out, with one frame of ours at most, and nothing added to it."""
        bare = caught(self.train_badly)
        with tracked(self.name) as memory:
            error = caught(self.train_badly)
            run = self.recorded(memory)
        assert type(error) is type(bare)
        assert str(error) == str(bare)
        assert chain(error) == chain(bare)
        ours = [frame for frame in frames(error) if "/autotrack/" in frame.filename.replace(os.sep, "/")]
        ours = [frame for frame in ours if frame.name == "autotrack_observed"]
        assert len(frames(error)) - len(frames(bare)) == len(ours)
        assert run.status == FAILED
        assert run.error is not None
        assert type(bare).__name__ in run.error

    def test_calls_inside_a_call_open_no_runs(self, memory: MemoryBackend) -> None:
        """What a training trains on its way belongs to it."""
        self.train_nested()
        assert self.recorded(memory).status == FINISHED

    def test_a_run_of_the_user_takes_the_first_training(self, memory: MemoryBackend) -> None:
        """The second one becomes a child: the params of one never stand beside the metrics of another."""
        with autotrack.start_run("mine"):
            self.train()
            self.train()
        run = self.recorded(memory)
        assert run.name == "mine"
        assert run.params
        children = [child for child in memory.runs if child.parent_id == run.id]
        assert len(children) == 1
        own = {name: value for name, value in run.params.items() if not name.startswith("seed.")}  # of root runs alone
        assert repr(sorted(children[0].params.items())) == repr(sorted(own.items()))  # NaN is not equal to NaN

    def test_paused_records_nothing(self, memory: MemoryBackend) -> None:
        """Inside `paused()`, however deep, there is no run."""
        with autotrack.paused():
            with autotrack.paused():
                self.train()
            self.train()
        autotrack.flush(30)
        assert memory.runs == []

    def test_threads_do_not_mix(self, memory: MemoryBackend) -> None:
        """Trainings in four threads are four whole runs."""
        threads = [threading.Thread(target=self.train) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        autotrack.flush(30)
        assert [run.status for run in memory.roots] == [FINISHED] * 4
        assert len({tuple(sorted(run.params)) for run in memory.roots}) == 1
        assert len({tuple(sorted(run.metrics)) for run in memory.roots}) == 1

    def test_disable_puts_everything_back(self) -> None:
        """Every attribute is the identical object again, twice over."""
        before = [vars(owner)[name] for owner, name in self.functions()]
        for _ in range(2):
            with tracked(self.name):
                assert [vars(owner)[name] for owner, name in self.functions()] != before
            assert all(vars(owner)[name] is old for (owner, name), old in zip(self.functions(), before, strict=True))

    def test_functions_look_the_same(self) -> None:
        """Name, module, documentation and signature are the library's; the function pickles by name."""
        looks = [look(owner, name) for owner, name in self.functions()]
        with tracked(self.name):
            assert [look(owner, name) for owner, name in self.functions()] == looks
            for owner, name in self.functions():
                assert pickle.loads(pickle.dumps(getattr(owner, name))) is getattr(owner, name)  # noqa: S301

    def test_a_failing_observer_changes_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An error of ours, before or after the library's call, is contained; the training goes on."""
        bare = self.outcome(self.train())
        monkeypatch.setenv("AUTOTRACK_TESTING", "0")

        def broken(*args: Any, **kwargs: Any) -> None:
            raise ZeroDivisionError("broken on purpose")

        for method in ("run", "arguments"):
            with monkeypatch.context() as patch, tracked(self.name):
                patch.setattr(Call, method, broken)
                assert self.outcome(self.train()) == bare

    def test_a_backend_that_fails_changes_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where nothing can be delivered, training goes on and ends in good time."""
        monkeypatch.setenv("AUTOTRACK_TESTING", "0")
        monkeypatch.setattr(MemoryBackend, "write", refuse)
        bare = self.outcome(self.train())
        with tracked(self.name):
            assert self.outcome(self.train()) == bare

    def test_enabling_does_not_import_the_library(self) -> None:
        """`enable()` waits for the user's own import, and then tracks."""
        code = (
            "import sys, autotrack; autotrack.enable(to='memory://x', log_system_metrics=False); "
            f"assert {self.module!r} not in sys.modules; import {self.module}; "
            "from autotrack.switch import integration_status; "
            f"print([s.state for s in integration_status() if s.name == {self.module!r}][0])"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
        assert result.stdout.strip() == "on", result.stderr


@contextlib.contextmanager
def tracked(integration: str) -> Iterator[MemoryBackend]:
    """Track one integration inside a block, into memory."""
    name = os.urandom(4).hex()
    autotrack.enable(to=f"memory://{name}", only=[integration], log_system_metrics=False, exit_timeout=0.5)
    try:
        yield MemoryBackend.named(name)
    finally:
        autotrack.disable()
        recording.forget_settings()


def refuse(self: MemoryBackend, records: Any) -> None:
    """Stand in for the write of a backend that is out of order."""
    raise ConnectionError("out of order")


def caught(function: Any) -> BaseException:
    """Return the exception a function raises."""
    try:
        function()
    except Exception as error:  # noqa: BLE001 - whichever the library raises
        return error
    raise AssertionError("the library accepted what it should refuse")


def frames(error: BaseException) -> traceback.StackSummary:
    """Return the frames of an exception's traceback."""
    return traceback.extract_tb(error.__traceback__)


def chain(error: BaseException) -> list[tuple[str, str]]:
    """Return the exceptions that an exception names as its cause or context."""
    found = []
    seen: BaseException | None = error.__cause__ or error.__context__
    while seen is not None:
        found.append((type(seen).__name__, str(seen)))
        seen = seen.__cause__ or seen.__context__
    return found


def look(owner: Any, name: str) -> tuple[Any, ...]:
    """Return how a function looks from outside."""
    function = getattr(owner, name)
    return (
        function.__name__,
        function.__qualname__,
        function.__module__,
        function.__doc__,
        str(inspect.signature(function)),
        inspect.isfunction(function),
        inspect.getsourcefile(inspect.unwrap(function)),
    )
