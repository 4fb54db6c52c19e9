"""Delivering what waits on disk, and telling stored runs again."""

from __future__ import annotations

import math
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autotrack
from autotrack import history, recording, targets
from autotrack.backends import open_backend
from autotrack.backends.base import BackendContext
from autotrack.home import Home
from autotrack.records import FINISHED
from autotrack.replay import replay
from autotrack.stored_run import StoredRun
from autotrack.sync import recover_into, waiting_journals
from autotrack.testing import MemoryBackend


@pytest.fixture(autouse=True)
def _plain_runs(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "pyproject.toml").write_text("[tool.autotrack]\ncapture = []\nlog_system_metrics = false\n")
    yield
    recording.close_recorder()


def make_run() -> StoredRun:
    with autotrack.start_run("one", experiment="lab", tags={"team": "x"}) as run:
        run.log_params({"C": 0.5, "text": "y" * 100_000})
        run.log_metrics({"loss": math.nan, "score": 1}, step=3)
        run.log_metrics({"loss": -0.0, "score": 2}, step=1)
        run.log_text("hello", "a.txt")
        run.log_dataset([[1, 2], [3, 4]], name="data")
        run.evaluate([0, 1], [0, 1])
        run.note("test.note", "look")
    return autotrack.get_run(run.id)


def everything(run: StoredRun) -> object:
    """Return all of a run in a form in which NaN equals NaN."""
    points = {
        key: [(step, struct.pack("d", value), time) for step, value, time in run.metric_history(key)]
        for key in run.metrics
    }
    fields = [*run.attributes().values(), run.error, run.params, run.tags, points, run.notes, run.datasets, run.models]
    return msgspec.msgpack.encode([*fields, [repr(evaluation) for evaluation in run.evaluations()], run.artifacts()])


def copy_to(folder: Path, run: StoredRun) -> history.History:
    """Replay a run into a store in another directory, and read that."""
    other = Home(folder).create()
    backend = open_backend(str(folder), BackendContext(home=other.root, artifacts=other.artifacts))
    with run.history.reading() as store:
        replay(store, run.id, backend)
    backend.close()
    return history.History(history.Place(url=str(folder), target="home", home=folder))


def test_a_replayed_run_is_the_same_run(tmp_path: Path) -> None:
    run = make_run()
    for _ in range(2):  # the second time writes nothing twice
        copy = copy_to(tmp_path / "other", run).get(run.id)
        assert everything(copy) == everything(run)


def test_replaying_a_run_that_has_grown_writes_what_is_new(tmp_path: Path) -> None:
    with autotrack.start_run("growing") as run:
        run.log_metric("loss", 1.0, 0)
        run.set_tag("stage", "early")
        early = copy_to(tmp_path / "other", autotrack.get_run(run.id)).get(run.id)
        assert (early.status, early.tags["stage"]) == ("running", "early")
        run.log_metric("loss", 0.5, 1)
        run.set_tag("stage", "late")
    whole = autotrack.get_run(run.id)
    copy = copy_to(tmp_path / "other", whole).get(run.id)
    assert copy.status == FINISHED
    assert everything(copy) == everything(whole)


def test_a_replay_tells_what_was_logged_together_together() -> None:
    run = make_run()
    memory = MemoryBackend()
    progress: list[tuple[int, int]] = []
    with run.history.reading() as store:
        count = replay(store, run.id, memory, lambda done, total: progress.append((done, total)))
    assert progress == [(count, count)]
    assert len(memory.records) == count
    (told,) = memory.runs
    assert (told.status, told.params["C"], told.tags) == (FINISHED, 0.5, {"team": "x"})
    assert {key: sorted(told.metrics[key], key=str) for key in ("score",)} == {"score": [(1, 2.0), (3, 1.0)]}
    together = [record.metrics for record in memory.records if type(record).__name__ == "MetricsLogged"]
    assert [sorted(metrics) for metrics in together[:2]] == [["loss", "score"], ["loss", "score"]]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    points=st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.floats(width=64), st.integers(-(2**63), 2**63 - 1)), max_size=30
    )
)
def test_any_points_are_told_exactly(points: list[tuple[str, float, int]], tmp_path: Path) -> None:
    with autotrack.start_run() as run:
        for key, value, step in points:
            run.log_metric(key, value, step)
    stored = autotrack.get_run(run.id)
    assert everything(copy_to(tmp_path / "other", stored).get(run.id)) == everything(stored)


# Journals


@pytest.mark.parametrize("url", ["sqlite:////tmp/a/b.db", "sqlite:///a/b.db", "postgresql://me@host/db?x=1", "a/b.db"])
def test_the_name_of_a_target_without_secrets_is_its_url(url: str) -> None:
    assert targets.target_name(url) == url


def leave_journals(targets: str) -> None:
    """Let a process die with its journals undelivered."""
    code = f"""
import os, signal, autotrack
autotrack.enable(to={targets.split(",")!r}, exit_timeout=0)
with autotrack.start_run("left") as run:
    run.log_metric("loss", 1.0)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL


def test_journals_are_delivered_to_their_targets(tmp_path: Path) -> None:
    leave_journals(f"sqlite:///{tmp_path}/far/away.db")
    home = Home(tmp_path / ".autotrack")
    assert [journal.alive for journal in waiting_journals(home)] in ([], [False])
    far = f"sqlite:///{tmp_path}/far/away.db"
    context = BackendContext(home=home.root, artifacts=home.artifacts)
    progress: list[tuple[int, int]] = []
    done = recover_into(
        home, {far: lambda: open_backend(far, context)}, progress=lambda *numbers: progress.append(numbers)
    )
    assert (done.errors, done.parked) == ({}, 0)
    assert all(finished <= total for finished, total in progress)
    assert waiting_journals(home) == []
    place = history.Place(url=far, target=far, home=home.root)
    assert [run.status for run in history.History(place).search()] == [FINISHED]


def test_a_target_that_is_away_leaves_its_journals_on_disk(tmp_path: Path) -> None:
    away = "postgresql://nobody@127.0.0.1:9/nothing"
    leave_journals(f"{tmp_path / '.autotrack'},{away}")
    home = Home(tmp_path / ".autotrack")
    context = BackendContext(home=home.root, artifacts=home.artifacts)
    done = recover_into(home, {away: lambda: open_backend(away, context)})
    assert (done.journals, list(done.errors)) == (0, [away])
    assert [run.name for run in autotrack.search_runs()] == ["left"]
    (waiting,) = waiting_journals(home)
    assert waiting.pending["home"] == 0
    assert waiting.pending[away] > 0


def test_what_was_meant_for_others_can_be_delivered_elsewhere(tmp_path: Path) -> None:
    away = "postgresql://nobody@127.0.0.1:9/nothing"
    leave_journals(away)
    home = Home(tmp_path / ".autotrack")
    memory = MemoryBackend()
    for _ in range(2):
        done = recover_into(home, {"memory://here": lambda: memory}, anything=True)
        assert (done.journals, done.errors) == (1, {})
    assert [run.name for run in memory.runs] == ["left"]
    assert memory.runs[0].metrics["loss"] == [(0, 1.0)]
    assert waiting_journals(home)[0].pending[away] > 0
