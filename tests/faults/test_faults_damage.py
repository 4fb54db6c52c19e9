"""Files that were damaged while nobody looked (R13): bytes turned, cut and overwritten, anywhere in a home.

Whatever is wrong, reading says so by an error of ours or reads what is whole, and the next run is recorded.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import autotrack
from autotrack import recording
from autotrack.errors import AutotrackError
from autotrack.settings import resolve

RUNS = 3
damages = st.tuples(
    st.sampled_from(["turn", "cut", "zero", "insert", "empty"]),
    st.floats(0, 1, exclude_max=True),
    st.integers(1, 5000),
)


def record(home: Path, name: str, to: str | None = None) -> None:
    """Record one run into a home, as a process of its own would."""
    targets = [] if to is None else [to]
    recording.configure(resolve(to=targets, store=home, log_system_metrics=False, capture=[], exit_timeout=30).settings)
    try:
        with autotrack.start_run(name) as run:
            run.log_params({"a": 1, "b": "text"})
            for step in range(50):
                run.log_metric("loss", step, step)
    finally:
        recording.close_recorder()
        recording.forget_settings()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with runs in its store."""
    home = tmp_path_factory.mktemp("whole") / "home"
    for number in range(RUNS):
        record(home, f"run {number}")
    return home


def damage(path: Path, how: str, where: float, length: int) -> None:
    """Damage a file in one place."""
    data = bytearray(path.read_bytes())
    at = int(where * len(data))
    if how == "turn":
        data[at : at + 1] = bytes(255 - byte for byte in data[at : at + 1])
    elif how == "cut":
        del data[at:]
    elif how == "zero":
        data[at : at + length] = bytes(len(data[at : at + length]))
    elif how == "insert":
        data[at:at] = os.urandom(length)
    else:
        data.clear()
    path.write_bytes(data)


def read_all(home: Path) -> list[str]:
    """Read everything there is as a user would; return the names of the runs that are whole."""
    recording.configure(resolve(store=home).settings)
    names = []
    try:
        for run in autotrack.search_runs():
            run.metric_history("loss")
            names.append(run.name)
    except AutotrackError:
        pass  # it says that the store is damaged
    finally:
        recording.forget_settings()
    return names


def check_damaged_store(whole: Path, directory: Path, change: tuple[str, float, int]) -> None:
    home = directory / "home"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(whole, home)
    damage(home / "store.db", *change)
    read_all(home)
    record(home, "next")
    assert "next" in read_all(home)


def test_any_damage_to_a_store(whole: Path, tmp_path: Path) -> None:
    @settings(max_examples=12, suppress_health_check=list(HealthCheck))
    @given(change=damages)
    @example(change=("turn", 0.326171875, 1))  # in the name of a table
    @example(change=("zero", 0.125, 1523))  # sound at its beginning, where opening looks
    def check(change: tuple[str, float, int]) -> None:
        check_damaged_store(whole, tmp_path, change)

    check()


@pytest.mark.slow
def test_more_damage_to_a_store(whole: Path, tmp_path: Path) -> None:
    @settings(max_examples=200, suppress_health_check=list(HealthCheck))
    @given(change=damages)
    def check(change: tuple[str, float, int]) -> None:
        check_damaged_store(whole, tmp_path, change)

    check()
