"""Runs read back: what was logged, in every shape, also when its process was killed or its target is away."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

import autotrack
from autotrack import history, recording
from autotrack.errors import (
    FilterError,
    MissingDependencyError,
    RunNotFoundError,
    StoreUnavailableError,
    UnsupportedValueError,
)
from autotrack.run_list import RunList
from autotrack.store import migrate
from autotrack.stored_run import StoredRun

START = "import autotrack; autotrack.enable()\n"


@pytest.fixture(autouse=True)
def _plain_runs(tmp_path: Path) -> Iterator[None]:
    """Record without context, and let go of the recorder before the test ends."""
    (tmp_path / "pyproject.toml").write_text("[tool.autotrack]\ncapture = []\nlog_system_metrics = false\n")
    yield
    recording.close_recorder()


def make_run(name: str = "one") -> StoredRun:
    with autotrack.start_run(name, experiment="lab", tags={"team": "x"}) as run:
        run.log_params({"C": 0.5, "layers": [1, 2], "flag": True, "none": None, "big": 2**80})
        for step in range(3):
            run.log_metric("loss", 1 / (step + 1), step)
        run.log_metrics({"nan": math.nan, "inf": -math.inf})
        run.log_text("hello", "notes/a.txt")
        run.note("test.note", "look here")
    return autotrack.get_run(run.id)


def test_a_run_comes_back_as_it_was_logged() -> None:
    run = make_run()
    assert (run.name, run.experiment, run.status, run.parent_id, run.source) == (
        "one",
        "lab",
        "finished",
        None,
        "manual",
    )
    assert run.params == {"C": 0.5, "layers": [1, 2], "flag": True, "none": None, "big": 2**80}
    assert type(run.params["flag"]) is bool
    assert run.metrics["loss"] == pytest.approx(1 / 3)
    assert math.isnan(run.metrics["nan"])
    assert run.metrics["inf"] == -math.inf
    assert run.tags["team"] == "x"
    assert [note.message for note in run.notes] == ["look here"]
    assert run.artifacts() == ["notes/a.txt"]
    assert run.end_time is not None
    assert run.duration == (run.end_time - run.start_time).total_seconds()
    assert abs((datetime.now(timezone.utc) - run.start_time).total_seconds()) < 60
    assert run.error is None
    assert (run.children(), run.datasets, run.models, run.evaluations()) == ([], [], [], [])


def test_the_history_of_a_metric_has_steps_values_and_times() -> None:
    points = make_run().metric_history("loss")
    assert [(point.step, point.value) for point in points] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert all(point.time.tzinfo is timezone.utc for point in points)
    assert make_run("two").metric_history("unknown") == []


def test_a_run_that_goes_on_is_read_up_to_the_last_call() -> None:
    with autotrack.start_run() as run:
        for step in range(5):
            run.log_metric("loss", step, step)
            found = autotrack.get_run(run.id)
            assert (found.status, found.metrics["loss"], found.duration) == ("running", step, None)
    assert autotrack.get_run("@last").status == "finished"


def test_evaluations_come_back_whole() -> None:
    with autotrack.start_run() as run:
        run.evaluate(["a", "b", "a"], ["a", "b", "b"], split="test")
        run.evaluate(["a", "b", "a"], ["a", "b", "a"], split="validation")
        run.evaluate(["a", "b", "a"], ["a", "b", "a"], split="test")
    found = autotrack.get_run(run.id)
    assert found.evaluation("test").metrics["accuracy_score"] == 1.0
    assert [evaluation.split for evaluation in found.evaluations()] == ["test", "validation"]
    with pytest.raises(LookupError, match=r"no evaluation of 'tset'; it has 'test', 'validation'"):
        found.evaluation("tset")


def test_one_line_says_what_a_run_is() -> None:
    with autotrack.start_run("x" * 5) as run:
        run.log_metrics({"training_score": 1.0, "test_accuracy_score": 0.25, "autotrack.x": 1})
    text = repr(autotrack.get_run(run.id))
    assert text.startswith(f"<StoredRun xxxxx {run.id[:12]} finished ")
    assert text.endswith("test_accuracy_score=0.25>")


def test_html_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    with autotrack.start_run(evil, experiment=evil, tags={evil: evil}) as run:
        run.log_param(evil, evil)
        run.log_metric(evil, 1)
    runs = autotrack.search_runs()
    for html in (runs._repr_html_(), runs[0]._repr_html_()):
        assert "<script" not in html
        assert "&lt;script&gt;" in html
    assert RunList()._repr_html_() == "<p>no runs</p>"


def test_lists_of_runs_are_tables() -> None:
    make_run("one")
    with autotrack.start_run("two") as run:
        run.log_params({"C": 1, "layers": "none"})
    runs = autotrack.search_runs(order_by="start_time")
    assert isinstance(runs[:1], RunList)
    first, second = runs.to_dicts()
    assert (first["params.C"], first["tags.team"], second["name"]) == (0.5, "x", "two")
    assert "params.flag" not in second
    frame = runs.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert frame["params.C"].tolist() == [0.5, 1]
    assert str(frame["start_time"].dt.tz) == "UTC"
    table = runs.to_polars()
    assert isinstance(table, pl.DataFrame)
    assert table["params.C"].to_list() == [0.5, 1.0]
    assert table["params.layers"].to_list() == ["[1, 2]", "none"]
    assert table["params.big"].to_list() == [str(2**80), None]
    assert table["metrics.inf"].to_list() == [-math.inf, None]


@pytest.mark.parametrize("method", ["to_pandas", "to_polars"])
def test_no_runs_are_an_empty_table(method: str) -> None:
    assert len(getattr(RunList(), method)()) == 0


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_a_missing_package_is_named_with_its_extra(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # Python's own way of saying that a module does not exist
    with pytest.raises(MissingDependencyError, match=rf"autotrack\[{package}\]"):
        getattr(RunList(), f"to_{package}")()


def test_search_filters_sorts_and_limits() -> None:
    for value in (3, 1, 2):
        with autotrack.start_run(f"run {value}", experiment="even" if value % 2 == 0 else "odd") as run:
            run.log_metric("score", value)
    assert [run.name for run in autotrack.search_runs(order_by="metrics.score")] == ["run 1", "run 2", "run 3"]
    assert [run.name for run in autotrack.search_runs("metrics.score > 1", experiment="odd")] == ["run 3"]
    assert [run.name for run in autotrack.search_runs(limit=1)] == ["run 2"]
    with pytest.raises(FilterError, match="column 1"):
        autotrack.search_runs("metrisc.score > 1")


def test_families_are_deleted_and_restored_together() -> None:
    with autotrack.start_run("parent") as parent, autotrack.start_run("child", nested=True):  # noqa: SIM117
        with autotrack.start_run("grandchild", nested=True):
            pass
    other = make_run("other")
    autotrack.delete_run(parent.id)
    assert [run.name for run in autotrack.search_runs()] == ["other"]
    assert autotrack.get_run(parent.id).deleted_at is not None
    autotrack.restore_run(parent.id)
    assert {run.name for run in autotrack.search_runs()} == {"parent", "child", "grandchild", "other"}
    assert [run.name for run in autotrack.get_run(parent.id).children()] == ["child"]
    with pytest.raises(RunNotFoundError, match="no run 'nothing'"):
        autotrack.delete_run("nothing")
    assert other.children() == []


# Files


def test_downloads_stay_inside_the_run(tmp_path: Path) -> None:
    run = make_run()
    (tmp_path / "secret").write_text("secret")
    folder = run.download()
    (folder / "link").symlink_to(tmp_path / "secret")
    for path in ("../x", "/etc/passwd", "notes/../../x", "a\x00b"):
        with pytest.raises(UnsupportedValueError):
            run.download(path)
    for path in ("link", "missing", "notes/missing"):
        with pytest.raises(FileNotFoundError, match="has no file"):
            run.download(path)


def test_downloads_are_copies_where_a_place_is_named(tmp_path: Path) -> None:
    run = make_run()
    assert run.download("notes/a.txt").read_text() == "hello"
    assert run.download("notes/a.txt", tmp_path) == tmp_path / "a.txt"
    assert run.download("notes/a.txt", tmp_path / "new" / "b.txt").read_text() == "hello"
    assert (run.download("notes", tmp_path / "folder") / "a.txt").read_text() == "hello"
    assert (run.download(destination=tmp_path) / "notes" / "a.txt").read_text() == "hello"


# Where runs are read from


def test_reading_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"no runs here yet: there is no store at .*store\.db"):
        autotrack.search_runs()
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]


def test_the_store_of_a_parent_folder_is_mentioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run()
    recording.close_recorder()
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    with pytest.raises(StoreUnavailableError, match=rf"There is one in {tmp_path}/\.autotrack: .*--store"):
        autotrack.search_runs()


def test_targets_that_cannot_be_read_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_TO", "memory://only")
    with pytest.raises(StoreUnavailableError, match=r"runs go to memory://only, .* It reads a directory, sqlite"):
        autotrack.search_runs()


@pytest.mark.parametrize("target", ["runs", "sqlite:///{tmp}/deep/my.db", "{tmp}/other.db"])
def test_every_kind_of_file_target_is_read(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_TO", f"memory://beside,{target.format(tmp=tmp_path)}")
    make_run()
    assert [run.name for run in autotrack.search_runs()] == ["one"]
    assert autotrack.get_run("one").download("notes/a.txt").read_text() == "hello"


def test_a_target_that_is_away_does_not_delay_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_TO", "runs,postgresql://nobody@127.0.0.1:9/nothing")
    monkeypatch.setenv("AUTOTRACK_EXIT_TIMEOUT", "0")
    make_run()
    started = time.monotonic()
    assert [run.name for run in autotrack.search_runs()] == ["one"]
    assert time.monotonic() - started < history.FLUSH_SECONDS / 2
    recording.close_recorder(0)


def test_a_store_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    make_run("before")
    recording.close_recorder()
    for file in (tmp_path / ".autotrack").glob("store.db*"):
        file.unlink()
    make_run("after")
    assert [run.name for run in autotrack.search_runs()] == ["after"]


def test_a_store_of_an_older_autotrack_is_brought_up_to_date(tmp_path: Path) -> None:
    (tmp_path / ".autotrack").mkdir()
    engine = create_engine(f"sqlite:///{tmp_path}/.autotrack/store.db")
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(migrate.__file__).with_name("migrations")))
        config.set_main_option("path_separator", "os")
        command.upgrade(config, "0001")
    engine.dispose()
    assert autotrack.search_runs() == []
    make_run()
    assert [run.name for run in autotrack.search_runs()] == ["one"]


def test_a_damaged_store_is_left_as_it_is(tmp_path: Path) -> None:
    make_run()
    recording.close_recorder()
    store = tmp_path / ".autotrack" / "store.db"
    store.write_bytes(b"no database" * 1000)
    for file in store.parent.glob("store.db-*"):
        file.unlink()
    with pytest.raises(StoreUnavailableError, match="damaged"):
        autotrack.search_runs()
    assert store.read_bytes().startswith(b"no database")


# Processes that ended without a word


def test_what_a_killed_process_logged_is_read(tmp_path: Path) -> None:
    code = START + "import os\nrun = autotrack.start_run('cut')\nfor i in range(100): run.log_metric('loss', i, i)\n"
    killed = subprocess.run([sys.executable, "-c", code + f"os.kill(os.getpid(), {signal.SIGKILL})"], check=False)
    assert killed.returncode == -signal.SIGKILL
    run = autotrack.get_run("cut")
    assert (run.status, len(run.metric_history("loss"))) == ("killed", 100)
    assert list((tmp_path / ".autotrack" / "journal").glob("*.journal")) == []


def test_a_killed_process_is_read_while_another_records(tmp_path: Path) -> None:
    make_run("mine")
    code = START + "import os\nautotrack.start_run('cut').log_metric('loss', 1)\n"
    subprocess.run([sys.executable, "-c", code + f"os.kill(os.getpid(), {signal.SIGKILL})"], check=False)
    look = "import autotrack; print(sorted((run.name, run.status) for run in autotrack.search_runs()))"
    seen = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "[('cut', 'killed'), ('mine', 'finished')]"
    assert os.listdir(tmp_path / ".autotrack" / "journal" / "owners") != []
