"""Estimators that a training leaves behind are converted into skops files, by a process beside the program."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import autotrack
from autotrack import recording
from autotrack.models import load
from autotrack.models.converter import GIVEN_UP, LARGEST, MOST_WAITING, Converter, current_converter
from autotrack.models.snapshot import Snapshot, take_snapshot

X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.arange(60) % 2
SAFE = "it holds no code, and was seen to restore the model exactly"


@pytest.fixture(autouse=True)
def recorder() -> Iterator[None]:
    """Record into a store of the test's own; no process that it started outlasts it."""
    before = psutil.Process().children()
    yield
    recording.close_recorder()
    assert set(psutil.Process().children()) <= set(before)


def described(size: int = 1000, modules: tuple[str, ...] = ("sklearn.svm._classes", "numpy")) -> Snapshot:
    return Snapshot(Path("gone"), size, "pickle", 5, "sklearn.svm._classes.SVC", True, modules, 0.0)


def reason(converter: Converter, snapshot: Snapshot) -> str:
    """Return why a model stays a pickle."""
    return converter.plan(snapshot).run(snapshot)[1]


def test_trained_estimators_are_safe_and_equal() -> None:
    autotrack.enable(safe_models=True, log_system_metrics=False, capture=[])
    forest = RandomForestClassifier(3, random_state=0).fit(X, Y)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    helper = current_converter()._helper
    assert autotrack.flush()
    models = [load(f"runs:/{run.id}") for run in autotrack.search_runs(order_by="start_time")]
    notes = [note.message for note in autotrack.get_run("@last").notes if note.code == "model.format"]
    assert notes == [f"model: skops, because {SAFE}"]
    assert (models[0].predict_proba(X) == forest.predict_proba(X)).all()
    assert (models[1].predict_proba(X) == pipeline.predict_proba(X)).all()

    # Should that process die, there is another one for the next model.
    helper = current_converter()._helper
    assert helper is not None
    helper.kill()
    helper._process.wait()
    LinearRegression().fit(X, Y)
    assert autotrack.flush()
    assert load("runs:/@last").coef_.shape == (3,)
    autotrack.disable()


def test_what_exceeds_a_bound_stays_a_pickle() -> None:
    converter = Converter()
    assert reason(converter, described(modules=("sklearn.base", "house.models"))) == (
        "skops would have to build parts of house.models"
    )
    assert reason(converter, described(size=LARGEST + 1)).startswith("it takes 32 MB, and models up to")
    for _ in range(MOST_WAITING):
        converter.plan(described())
    assert reason(converter, described()) == "100 others waited for their conversion already"


def test_a_missing_skops_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    snapshot = take_snapshot(LinearRegression().fit(X, Y), tmp_path / "snapshot")
    monkeypatch.setitem(sys.modules, "skops", None)
    assert elsewhere(Converter(), snapshot) == "'skops' is not installed; run: pip install 'autotrack[sklearn]'"


def elsewhere(converter: Converter, snapshot: Snapshot) -> str:
    """Return why a model is of its format, planned here and converted in another thread."""
    conversion = converter.plan(snapshot)
    found: list[str] = []
    worker = threading.Thread(target=lambda: found.append(conversion.run(snapshot)[1]))
    worker.start()
    worker.join()
    return found[0]


def test_who_reads_runs_or_ends_does_not_wait_for_long(tmp_path: Path) -> None:
    converter = Converter()
    snapshot = take_snapshot(LinearRegression().fit(X, Y), tmp_path / "snapshot")
    conversion = converter.plan(snapshot)
    found: list[Any] = []
    worker = threading.Thread(target=lambda: found.append(conversion.run(snapshot)))
    worker.start()
    while converter._helper is None:
        pass
    converter.hurry(0.0)  # in the middle of it
    worker.join()
    assert found == [(snapshot, GIVEN_UP)]
    assert snapshot.path.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["snapshot"]
    converter.stop(0.0)
    assert reason(converter, snapshot) == GIVEN_UP


def test_a_thread_that_trains_never_converts(tmp_path: Path) -> None:
    converter = Converter()
    snapshot = take_snapshot(LinearRegression().fit(X, Y), tmp_path / "snapshot")
    assert reason(converter, snapshot) == GIVEN_UP
    assert converter._helper is None


PROGRAM = """
import json, os, sys, warnings
import autotrack, psutil
from sklearn.linear_model import LinearRegression
warnings.simplefilter("error", ImportWarning)
filters = list(warnings.filters)
autotrack.enable(exit_timeout=100.0)
LinearRegression().fit([[0.0], [1.0]], [0, 1])
autotrack.flush()
if (child := os.fork()) == 0:
    LinearRegression().fit([[0.0], [1.0]], [0, 1])
    autotrack.flush()
    os._exit(0)
os.waitpid(child, 0)
LinearRegression().fit([[0.0], [1.0]], [0, 2])
autotrack.disable()
notes = [note.message for run in autotrack.search_runs() for note in run.notes if note.code == "model.format"]
print(json.dumps({
    "notes": sorted(notes),
    "imported": [name for name in ("skops", "torch", "sklearn.ensemble") if name in sys.modules],
    "filters": warnings.filters == filters,
    "children": len(psutil.Process().children()),
}))
"""


@pytest.mark.slow
def test_the_program_sees_nothing_of_it(tmp_path: Path) -> None:
    variables = {name: text for name, text in os.environ.items() if name != "AUTOTRACK_SAFE_MODELS"}
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", PROGRAM],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "autotrack" not in done.stderr
    assert "subprocess" not in done.stderr
    assert json.loads(done.stdout) == {
        "notes": [
            "model: pickle, because models of forked processes are not converted; load it with trust=True",
            f"model: skops, because {SAFE}",
            f"model: skops, because {SAFE}",
        ],
        "imported": [],
        "filters": True,
        "children": 0,
    }


KILLED = """
import os, signal
import autotrack
from autotrack.models.converter import current_converter
from sklearn.linear_model import LinearRegression
autotrack.enable()
LinearRegression().fit([[0.0], [1.0]], [0, 1])
while not current_converter()._asking:
    pass
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_a_process_killed_meanwhile_leaves_the_bytes_and_a_note(tmp_path: Path) -> None:
    variables = os.environ | {"AUTOTRACK_SAFE_MODELS": "1"}
    subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, env=variables, timeout=200, check=False)
    autotrack.get_run("@last")
    run = autotrack.get_run("@last")
    (note,) = [note.message for note in run.notes if note.code == "model.unwritten"]  # once
    folder, _, name = note.partition("its bytes are in ")[2].partition(": ")
    with Path(folder, name).open("rb") as file:
        assert pickle.load(file).coef_.shape == (1,)
