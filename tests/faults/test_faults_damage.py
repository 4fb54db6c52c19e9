"""Files that were damaged while nobody looked (R13): bytes turned, cut and overwritten, anywhere in a home.

Whatever is wrong, reading says so by an error of ours or reads what is whole, and the next run is recorded.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import autotrack
from autotrack import recording
from autotrack.errors import AutotrackError
from autotrack.settings import resolve
from autotrack.store.damage import file_identity, mark

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


def test_damage_that_only_reading_meets(whole: Path, tmp_path: Path) -> None:
    """In the table of tags, which these runs have none of."""
    home = tmp_path / "home"
    shutil.copytree(whole, home)
    with closing(sqlite3.connect(home / "store.db")) as store:
        [[page]] = store.execute("SELECT rootpage FROM sqlite_master WHERE name = 'tag'").fetchall()
        [[size]] = store.execute("PRAGMA page_size").fetchall()
    damage(home / "store.db", "turn", (page - 1) * size / (home / "store.db").stat().st_size, 1)
    recording.configure(resolve(store=home).settings)
    with pytest.raises(AutotrackError, match=r"is damaged: .*\. The next run that is recorded moves it aside"):
        autotrack.search_runs()
    recording.forget_settings()
    record(home, "next")
    assert read_all(home) == ["next"]
    [aside] = (path for path in home.glob("store.db.corrupt-*") if path.name.count("-") == 1)
    assert aside.stat().st_size >= (whole / "store.db").stat().st_size
    assert not (home / "store.db.damaged").exists()


@pytest.mark.parametrize("word", [None, b"\xff\xfe", b""])
def test_a_sound_store_stays_where_it_is(whole: Path, tmp_path: Path, word: bytes | None) -> None:
    home = tmp_path / "home"
    shutil.copytree(whole, home)
    mark(home / "store.db", file_identity(home / "store.db"))
    if word is not None:
        (home / "store.db.damaged").write_bytes(word)
    record(home, "next")
    assert len(read_all(home)) == RUNS + 1
    assert (home / "store.db.damaged").exists() == (word is not None), "what is no word of ours stays"


@pytest.mark.slow
def test_more_damage_to_a_store(whole: Path, tmp_path: Path) -> None:
    @settings(max_examples=200, suppress_health_check=list(HealthCheck))
    @given(change=damages)
    def check(change: tuple[str, float, int]) -> None:
        check_damaged_store(whole, tmp_path, change)

    check()
