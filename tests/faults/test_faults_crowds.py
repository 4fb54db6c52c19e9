"""Many at once (R20, R24, R25, R28, R66): threads, tasks, forks and collections of garbage in the middle of it all."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sklearn.dummy import DummyRegressor

import autotrack
from autotrack.testing import MemoryBackend

if TYPE_CHECKING:
    from tests.faults.conftest import RunProgram


@contextmanager
def recorded(**settings: Any) -> Iterator[MemoryBackend]:
    """Track into memory inside a block; afterwards everything has arrived."""
    name = os.urandom(4).hex()
    autotrack.enable(to=f"memory://{name}", log_system_metrics=False, capture=[], **settings)
    try:
        yield MemoryBackend.named(name)
        assert autotrack.flush(120)
    finally:
        autotrack.disable()


def in_threads(count: int, work: Any) -> None:
    """Call `work(number)` in that many threads that start together."""
    barrier = threading.Barrier(count)

    def start(number: int) -> None:
        barrier.wait()
        work(number)

    with ThreadPoolExecutor(count) as pool:
        for future in [pool.submit(start, number) for number in range(count)]:
            future.result()


def fit_in_threads(fits: int) -> None:
    """Fit in 32 threads, each model another one; every run has the params and numbers of one model."""

    def work(thread: int) -> None:
        for fit in range(fits):
            constant = float(1000 * thread + fit)
            DummyRegressor(strategy="constant", constant=constant).fit([[0.0], [1.0]], [constant, constant])

    with recorded(only=["sklearn"], log_models=False) as memory:
        in_threads(32, work)
    assert {run.status for run in memory.runs} == {"finished"}
    assert {run.parent_id for run in memory.runs} == {None}
    expected = sorted(float(1000 * thread + fit) for thread in range(32) for fit in range(fits))
    assert sorted(float(run.params["constant"]) for run in memory.runs) == expected
    assert {run.last("training_mean_squared_error") for run in memory.runs} == {0.0}


def test_32_threads_make_320_exact_runs() -> None:
    fit_in_threads(10)


@pytest.mark.slow
def test_32_threads_make_3200_exact_runs() -> None:
    fit_in_threads(100)


def test_a_hundred_tasks_do_not_mix() -> None:
    async def task(number: int) -> None:
        with autotrack.start_run(f"task {number}"):
            for step in range(5):
                await asyncio.sleep(0.001 * (number % 7))
                autotrack.log_metric("number", number, step)
            autotrack.log_param("number", number)

    async def main() -> None:
        await asyncio.gather(*(task(number) for number in range(100)))

    with recorded() as memory:
        asyncio.run(main())
    assert sorted(run.name for run in memory.runs) == sorted(f"task {number}" for number in range(100))
    assert all(run.name == f"task {run.params['number']}" for run in memory.runs)
    for run in memory.runs:
        assert run.metrics["number"] == [(step, float(run.params["number"])) for step in range(5)]


class LogsWhenItDies:
    """Part of a cycle that only the collector takes apart, at a moment that nobody chooses."""

    def __init__(self, run: autotrack.Run) -> None:
        self.run, self.myself = run, self

    def __del__(self) -> None:
        self.run.log_metric("died", 1.0)


class LogsWhatIsLogged(logging.Handler):
    """Logs a metric for each message, those of autotrack included."""

    def __init__(self, run: autotrack.Run) -> None:
        super().__init__()
        self.run = run

    def emit(self, record: logging.LogRecord) -> None:
        self.run.log_metric("messages", 1.0)


def test_collections_and_handlers_that_log_while_we_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "showwarning", lambda *args: autotrack.log_metric("warnings", 1.0))
    threshold = gc.get_threshold()
    with recorded() as memory:
        run = autotrack.start_run("collected")
        handler = LogsWhatIsLogged(run)
        logging.getLogger("autotrack").addHandler(handler)
        gc.set_threshold(1, 1, 1)
        try:
            for step in range(200):
                LogsWhenItDies(run)
                run.log_metric("loss", step, step)
                run.log_metric("odd", object())  # noted, and logged as a warning once
        finally:
            gc.set_threshold(*threshold)
            logging.getLogger("autotrack").removeHandler(handler)
        gc.collect()
        run.end()
    (found,) = memory.runs
    assert [step for step, _ in found.metrics["loss"]] == list(range(200))
    assert len(found.metrics["died"]) == 200


def test_enabling_at_once_in_many_threads_is_enabling_once() -> None:
    bare = vars(DummyRegressor)["fit"]
    in_threads(16, lambda _: autotrack.enable(to="memory://at-once", log_system_metrics=False, capture=[]))
    tracked = vars(DummyRegressor)["fit"]
    assert tracked.__wrapped__ is bare
    assert vars(DummyRegressor)["fit"] is tracked
    in_threads(16, lambda _: autotrack.disable())
    assert vars(DummyRegressor)["fit"] is bare


FORKS = """
import faulthandler, os, sys, threading, time
import autotrack, autotrack.store.store, autotrack.backends.sql

autotrack.enable(log_system_metrics=False, capture=[])
stop = threading.Event()
counts = {}

def log(number):
    with autotrack.start_run(f"thread {number}") as run:
        step = 0
        while not stop.is_set():
            run.log_metric("loss", step, step)
            step += 1
            if step % 20 == 0:
                with autotrack.start_run(f"short {number}", nested=True):  # journals open and close under the forks
                    pass
                time.sleep(0.001)
    counts[run.name] = step

threads = [threading.Thread(target=log, args=(number,), daemon=True) for number in range(4)]
for thread in threads:
    thread.start()
forks = int(sys.argv[1])
with autotrack.start_run("parent") as shared:
    for number in range(forks):
        pid = os.fork()
        if pid == 0:
            faulthandler.dump_traceback_later(20, exit=True)
            shared.log_metric("child", number, number)
            with autotrack.start_run(f"child {number}", nested=True):
                autotrack.log_metric("loss", number)
            os._exit(0 if number % 2 or autotrack.flush(60) else 1)
        assert os.waitpid(pid, 0)[1] == 0, f"child {number} failed or was stuck"
stop.set()
for thread in threads:
    thread.join()
autotrack.flush(60)
runs = autotrack.search_runs(limit=None)
assert {run.status for run in runs} == {"finished"}, [run for run in runs if run.status != "finished"]
names = [run.name for run in runs]
for name, count in counts.items():
    (run,) = [run for run in runs if run.name == name]
    assert [point.step for point in run.metric_history("loss")] == list(range(count)), name
assert sorted(name for name in names if name.startswith("child")) == sorted(f"child {n}" for n in range(forks))
(parent,) = [run for run in runs if run.name == "parent"]
assert sorted(point.step for point in parent.metric_history("child")) == list(range(forks))
"""


def test_forks_while_threads_log(run_program: RunProgram) -> None:
    done = run_program(FORKS.replace("int(sys.argv[1])", "8"))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_five_hundred_forks_while_threads_log(run_program: RunProgram) -> None:
    done = run_program(FORKS.replace("int(sys.argv[1])", "500"))
    assert done.returncode == 0, done.stderr


def test_interpreters_beside_each_other_have_runs_of_their_own(run_program: RunProgram) -> None:
    done = run_program(
        """
        try:
            import _interpreters as interpreters
        except ModuleNotFoundError:  # before Python 3.13
            import _xxsubinterpreters as interpreters
        import autotrack

        BESIDE = "import autotrack; autotrack.enable(quiet=True); autotrack.start_run('beside'); autotrack.disable()"
        autotrack.enable(quiet=True, log_system_metrics=False)
        with autotrack.start_run("main"):
            beside = interpreters.create()
            interpreters.run_string(beside, BESIDE)
            interpreters.destroy(beside)
            autotrack.log_metric("after", 1.0)
        autotrack.flush()
        after = autotrack.get_run("main").metric_history("after")
        print(sorted(run.name for run in autotrack.search_runs()), len(after))
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['beside', 'main'] 1\n"


def test_a_system_that_starts_no_thread(run_program: RunProgram) -> None:
    done = run_program(
        """
        import threading
        import autotrack
        from sklearn.dummy import DummyRegressor

        threading.stack_size(1 << 46)  # more than there is memory: no thread can start
        autotrack.enable()
        DummyRegressor().fit([[1.0], [2.0]], [1.0, 2.0]).score([[3.0]], [1.5])
        print("trained")
        """
    )
    assert (done.returncode, done.stdout) == (0, "trained\n"), done.stderr
    assert "no thread can be started" in done.stderr
    found = run_program(
        """
        import autotrack
        (run,) = autotrack.search_runs()
        print(run.status, [note.code for note in run.notes if note.code == "system.skipped"])
        """
    )
    assert found.stdout == "finished ['system.skipped']\n", found.stderr
