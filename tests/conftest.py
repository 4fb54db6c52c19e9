"""What every test gets: our errors are fatal, a working directory of its own, and nothing of ours left behind.

The variables are set before anything is imported, and child processes inherit them.
"""

from __future__ import annotations

import os

os.environ["AUTOTRACK_TESTING"] = "1"
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # xdist already uses the cores
os.environ["MPLBACKEND"] = "agg"
os.environ["AUTOTRACK_SAFE_MODELS"] = "0"  # or each test that fits an estimator starts a process; a few turn it on

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    import numpy as np

# The machine is shared: how long one example takes says nothing.
hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")


@pytest.fixture(autouse=True)
def own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start in an empty directory; the default store is made there, and no settings come from this repository."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def no_seed_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back what Lightning's `seed_everything` leaves in the environment: it would be a param of the next run."""
    monkeypatch.setenv("PL_GLOBAL_SEED", "")  # is put back to nothing afterwards
    monkeypatch.delenv("PL_GLOBAL_SEED")


@pytest.fixture(autouse=True)
def nothing_left_behind(own_directory: None) -> Iterator[None]:
    """Fail a test that leaves tracking enabled or a thread of ours running; forget runs that it left open."""
    before = set(threading.enumerate())
    yield
    recording = sys.modules.get("autotrack.recording")
    if recording is not None:
        recording._left_open.clear()
    switch = sys.modules.get("autotrack.switch")
    if switch is not None and switch.is_enabled():
        switch.disable()  # spare the next test
        pytest.fail("the test left autotrack enabled")
    deadline = time.monotonic() + 2.0
    while threads := [t for t in set(threading.enumerate()) - before if t.name.startswith("autotrack")]:
        assert time.monotonic() < deadline, f"the test left threads running: {threads}"
        time.sleep(0.01)


@pytest.fixture
def binary_data() -> tuple[np.ndarray, np.ndarray]:
    """Return 60 rows of 4 features, and classes 0 and 1 that two features nearly separate."""
    return _separable(classes=2)


@pytest.fixture
def multiclass_data() -> tuple[np.ndarray, np.ndarray]:
    """Return 60 rows of 4 features, and classes 0, 1 and 2 of unequal size."""
    return _separable(classes=3)


@pytest.fixture
def regression_data() -> tuple[np.ndarray, np.ndarray]:
    """Return 60 rows of 4 features, and a target that is linear in them up to noise."""
    import numpy as np

    generator = np.random.default_rng(7)
    features = generator.normal(size=(60, 4))
    return features, features @ np.array([1.5, -2.0, 0.0, 0.5]) + generator.normal(scale=0.1, size=60)


def _separable(classes: int) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    generator = np.random.default_rng(7)
    features = generator.normal(size=(60, 4))
    score = features[:, 0] + features[:, 1] + generator.normal(scale=0.3, size=60)
    cuts = np.quantile(score, np.arange(1, classes) / (classes + 0.5))
    return features, np.digitize(score, cuts)
