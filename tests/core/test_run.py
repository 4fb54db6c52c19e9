"""Runs: what users log is what backends get, in every shape users log it."""

from __future__ import annotations

import math
import os
import threading
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotrack
from autotrack import recording
from autotrack.errors import AutotrackError, SettingsError, UnsupportedValueError
from autotrack.identity import new_run_id, new_run_name
from autotrack.records import FAILED, FINISHED, INTERRUPTED, Param
from autotrack.testing import MemoryBackend, MemoryRun
from autotrack.values import clean_key, from_param, to_metric, to_param


def only(memory: MemoryBackend) -> MemoryRun:
    assert autotrack.flush(10)
    (run,) = memory.runs
    return run


def test_a_run_takes_everything(memory: MemoryBackend, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "x.txt").write_text("x")
    with autotrack.start_run("mine", experiment="lab", tags={"team": "x"}) as run:
        autotrack.log_param("C", 0.5)
        autotrack.log_params({"layers": [64, 32], "none": None})
        autotrack.log_metric("loss", 1.0)
        autotrack.log_metrics({"loss": 0.5, "accuracy": 0.75}, step=1)
        autotrack.set_tag("gone", 1)
        autotrack.set_tags({"gone": None, "kept": 2})
        autotrack.log_artifact(tmp_path / "data.csv", "inputs")
        autotrack.log_artifacts(tmp_path / "folder")
        autotrack.log_text("grüße", "notes/hello.txt")
        autotrack.log_dict({"a": np.float32(1.5), "b": {1, 2}}, "facts.json")
        autotrack.log_table({"x": [1, 2], "y": ["a", "b"]}, "table.csv")
        autotrack.log_table([{"x": 1}, {"y": 2}], "table.json")
        run.note("test.note", "look here")
    found = only(memory)
    assert (found.name, found.experiment, found.status) == ("mine", "lab", FINISHED)
    assert found.params == {"C": 0.5, "layers": [64, 32], "none": None}
    assert found.metrics["loss"] == [(0, 1.0), (1, 0.5)]
    assert found.metrics["accuracy"] == [(1, 0.75)]
    assert found.tags == {"team": "x", "kept": "2"}
    assert set(found.artifacts) == {
        "inputs/data.csv", "deep/x.txt", "notes/hello.txt", "facts.json", "table.csv", "table.json",
    }  # fmt: skip
    folder = recording.current_recorder().home.run_artifacts(run.id)
    assert (folder / "notes/hello.txt").read_text(encoding="utf-8") == "grüße"
    assert (folder / "table.csv").read_text() == "x,y\n1,a\n2,b\n"
    assert (folder / "inputs/data.csv").read_text() == "a,b\n1,2\n"
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.rglob("*"))
    assert [(note.code, note.message) for note in found.notes] == [("test.note", "look here")]


def test_many_points_take_one_write(memory: MemoryBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    with autotrack.start_run() as run:
        writers: list[int] = []
        write = os.write
        monkeypatch.setattr(os, "write", lambda fd, data: (writers.append(threading.get_ident()), write(fd, data))[1])
        run.log_points("loss", [(3, 0.5), (4, 0.25), (10, math.inf)])
        monkeypatch.undo()
    autotrack.flush(30)
    assert writers.count(threading.get_ident()) == 1
    (found,) = memory.roots
    assert found.metrics["loss"] == [(3, 0.5), (4, 0.25), (10, math.inf)]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("bad"), FAILED),
        (KeyboardInterrupt(), INTERRUPTED),
        (SystemExit(0), FINISHED),
        (SystemExit(3), FAILED),
    ],
)
def test_the_outcome_of_a_block_is_the_status(memory: MemoryBackend, error: BaseException, status: str) -> None:
    with pytest.raises(type(error)), autotrack.start_run():
        raise error
    run = only(memory)
    assert run.status == status
    assert (run.error is None) == (status == FINISHED)


def test_children_know_their_parent(memory: MemoryBackend) -> None:
    with autotrack.start_run("parent", experiment="lab") as parent:
        with pytest.raises(AutotrackError, match="nested=True"):
            autotrack.start_run("second")
        with autotrack.start_run("child", nested=True):
            autotrack.log_metric("loss", 1)
        assert autotrack.active_run() is parent
    assert autotrack.active_run() is None
    autotrack.flush(10)
    first, second = memory.runs
    assert (second.parent_id, second.experiment) == (first.id, "lab")
    assert "loss" not in first.metrics


def test_logging_without_a_run_starts_one_that_can_be_ended(memory: MemoryBackend) -> None:
    autotrack.log_metric("loss", 1)
    autotrack.log_metric("loss", 2, step=1)
    autotrack.end_run()
    autotrack.end_run()
    assert only(memory).metrics["loss"] == [(0, 1.0), (1, 2.0)]


def test_a_run_can_be_gone_on_with(memory: MemoryBackend) -> None:
    with autotrack.start_run("first") as run:
        run.log_metric("loss", 1)
    with autotrack.start_run("first", run_id=run.id) as again:
        again.log_metric("loss", 2, step=1)
    found = only(memory)
    assert found.metrics["loss"] == [(0, 1.0), (1, 2.0)]
    assert found.status == FINISHED


def test_a_finished_run_still_takes_records(memory: MemoryBackend) -> None:
    with autotrack.start_run() as run:
        pass
    run.log_metric("late", 1)
    run.log_text("late", "late.txt")
    found = only(memory)
    assert found.last("late") == 1
    assert "late.txt" in found.artifacts
    assert found.status == FINISHED


def test_deferred_work_belongs_to_the_run(memory: MemoryBackend) -> None:
    gate = threading.Event()
    with autotrack.start_run() as run:
        run.defer("waiting", gate.wait)
        run.defer("telling", lambda: run.log_metric("deferred", 1))
    gate.set()
    assert only(memory).last("deferred") == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1.0),
        (True, 1.0),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3.0),
        (np.array(2.0), 2.0),
        (np.array([[4.0]]), 4.0),
        (Decimal("1.5"), 1.5),
        (Fraction(1, 4), 0.25),
        (10**400, math.inf),
        (-(10**400), -math.inf),
    ],
)
def test_scalars_of_all_kinds_are_metrics(value: Any, expected: float) -> None:
    assert to_metric(value) == expected


@pytest.mark.parametrize("value", ["1", None, object(), [1, 2], np.zeros(2), {"a": 1}, b"1"])
def test_what_is_no_number_is_noted_and_the_rest_kept(memory: MemoryBackend, value: Any) -> None:
    with pytest.raises(UnsupportedValueError):
        to_metric(value)
    with autotrack.start_run() as run:
        run.log_metrics({"bad": value, "good": 1})
        run.log_metric("bad", value)
    found = only(memory)
    assert "bad" not in found.metrics
    assert found.last("good") == 1
    assert [note.code for note in found.notes] == ["value.unsupported"]


def test_strict_raises_what_cannot_be_logged(memory: MemoryBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_STRICT", "1")
    recording.forget_settings()
    recording.close_recorder()
    with autotrack.start_run() as run, pytest.raises(UnsupportedValueError, match="must be a number"):
        run.log_metric("bad", "text")
    recording.close_recorder()


@pytest.mark.parametrize("step", [-(2**63), -5, 0, 2**63 - 1, np.int32(7), 3.0])
def test_steps_may_be_any_64_bit_integer(memory: MemoryBackend, step: Any) -> None:
    with autotrack.start_run() as run:
        run.log_metric("loss", 1.0, step=step)
        run.log_metrics({"other": 1.0}, step=step)
    found = only(memory)
    assert found.metrics["loss"] == found.metrics["other"] == [(int(step), 1.0)]


@pytest.mark.parametrize("step", [2**63, 0.5, "x", None])
def test_other_steps_are_refused(memory: MemoryBackend, step: Any) -> None:
    with autotrack.start_run() as run:
        run.log_metric("loss", 1.0, step=step)
        run.log_metrics({"other": 1.0}, step=step)
    assert "loss" not in only(memory).metrics


plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)


@given(plain | st.lists(plain, max_size=5) | st.dictionaries(st.text("abc", max_size=5), plain, max_size=5))
def test_params_come_back_as_they_were(value: Any) -> None:
    back = from_param(to_param(value))
    if isinstance(value, (list, dict)):
        assert str(back).replace("\\\\", "\\") == str(back).replace("\\\\", "\\")
        assert type(back) is type(value)
        assert len(back) == len(value)
    elif isinstance(value, str):
        assert back == value.replace("\x00", "\\x00")
    else:
        assert (back, type(back)) == (value, type(value))


@given(st.text() | st.text(st.characters(categories=["Cs"])))
def test_any_text_is_a_key(key: str) -> None:
    clean = clean_key(key)
    clean.encode()
    assert "\x00" not in clean
    assert len(clean) <= 1024


def test_long_keys_stay_different() -> None:
    assert clean_key("k" * 2000 + "a") != clean_key("k" * 2000 + "b")


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no repr for you")


def test_params_nobody_can_write_down() -> None:
    assert "its repr raised RuntimeError" in to_param(Hostile()).text
    recursive: list[Any] = [1]
    recursive.append(recursive)
    assert from_param(to_param(recursive)) == [1, "<recursive>"]
    deep: list[Any] = []
    for _ in range(2000):
        deep = [deep]
    assert to_param(deep).type == "json"
    huge = to_param("x" * 5_000_000)
    assert huge.size == 5_000_000
    assert len(huge.text) == 64 * 1024
    assert huge.sha256 is not None
    assert to_param(10**5000) == Param(hex(10**5000), "int") or to_param(10**5000).type == "int"
    assert from_param(to_param({3, 1, 2})) == [1, 2, 3]
    assert to_param(dict.fromkeys(range(20_000))).type == "json"
    assert to_param(list(range(20_000))).type == "json"
    assert from_param(to_param(np.float64(0.1))) == 0.1
    assert from_param(to_param(np.array([1.5, 2.5]))) == [1.5, 2.5]
    assert to_param(print).type == "repr"


@pytest.mark.parametrize("path", ["../up.txt", "/etc/passwd", "", "a/../../b", "x\x00y"])
def test_artifacts_stay_inside_the_run(memory: MemoryBackend, path: str) -> None:
    with autotrack.start_run() as run, pytest.raises(UnsupportedValueError, match="inside the run"):
        run.log_text("text", path)


def test_a_missing_file_is_the_users_to_know(memory: MemoryBackend) -> None:
    with autotrack.start_run() as run:
        with pytest.raises(FileNotFoundError):
            run.log_artifact("nothing.txt")
        with pytest.raises(FileNotFoundError):
            run.log_artifacts("nothing")


def test_threads_have_runs_of_their_own(memory: MemoryBackend) -> None:
    def work(number: int) -> None:
        for fit in range(20):
            with autotrack.start_run(f"{number}") as run:
                autotrack.log_param("number", number)
                autotrack.log_metric("fit", fit)
                assert autotrack.active_run() is run

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    autotrack.flush(30)
    assert len(memory.runs) == 16 * 20
    assert all(run.params == {"number": int(run.name)} for run in memory.runs)


def test_ids_are_ordered_unique_and_never_seeded() -> None:
    import random

    random.seed(1)
    np.random.seed(1)
    ids = [new_run_id() for _ in range(1000)]
    random.seed(1)
    assert len({*ids, *(new_run_id() for _ in range(1000))}) == 2000
    assert all(len(run_id) == 32 and int(run_id, 16) for run_id in ids)
    assert ids == sorted(ids)
    assert len({new_run_name() for _ in range(1000)}) > 900


def test_a_forked_child_logs_without_disturbing_its_parent(memory: MemoryBackend, tmp_path: Path) -> None:
    with autotrack.start_run("parent") as run:
        run.log_metric("loss", 1)
        pid = os.fork()
        if pid == 0:
            try:
                run.log_metric("from_child", 2)
                run.end(FAILED)
                assert recording.close_recorder(2)
                os._exit(0)
            except BaseException:  # noqa: BLE001 - a forked test must never go on
                os._exit(1)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        run.log_metric("loss", 2, step=1)
    found = only(memory)
    assert found.metrics["loss"] == [(0, 1.0), (1, 2.0)]
    assert found.status == FINISHED


@pytest.mark.parametrize("run_id", ["../../outside", "a/b", "a\nb", "x" * 65, "", 5])
def test_an_id_that_means_something_in_a_path_is_refused(memory: MemoryBackend, run_id: Any) -> None:
    with pytest.raises(UnsupportedValueError, match="cannot be the id of a run"):
        autotrack.start_run(run_id=run_id)
    assert autotrack.active_run() is None
    assert memory.runs == []


def test_a_run_ends_in_no_unknown_way(memory: MemoryBackend) -> None:
    run = autotrack.start_run()
    for status in ("foo", "running", None):
        with pytest.raises(UnsupportedValueError, match="it ends as one of 'finished', 'failed'"):
            autotrack.end_run(status)  # type: ignore[arg-type]
        assert autotrack.active_run() is run
    autotrack.end_run("failed")
    assert only(memory).status == FAILED


@pytest.mark.parametrize("wrong", [[1, 2], "abc", 5])
def test_what_is_no_mapping_is_named(memory: MemoryBackend, wrong: Any) -> None:
    with pytest.raises(UnsupportedValueError, match="tags are given as a mapping"):
        autotrack.start_run(tags=wrong)
    with autotrack.start_run(5) as run:  # type: ignore[arg-type]
        for verb in (run.log_params, run.log_metrics, run.set_tags):
            with pytest.raises(
                UnsupportedValueError, match=f"as a mapping of names to values, got {type(wrong).__name__}"
            ):
                verb(wrong)
    assert only(memory).name == "5"


@pytest.mark.parametrize("table", [{"a": [1], "b": [1, 2]}, {"a": 1}, {"a": "abc"}])
def test_no_value_of_a_table_is_dropped_silently(memory: MemoryBackend, table: Any) -> None:
    with autotrack.start_run() as run:
        for path in ("table.csv", "table.json"):
            with pytest.raises(UnsupportedValueError, match="column"):
                run.log_table(table, path)
    assert "table.csv" not in only(memory).artifacts


def test_targets_of_another_kind_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"to = 5 \(from argument\): expected a path"):
        autotrack.enable(to=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", [-1, "3", 2.5])
def test_a_limit_is_a_number_of_runs(limit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnsupportedValueError, match="limit is a whole number"):
        autotrack.search_runs(limit=limit)
