"""Runs as JSON lines and files, read back with nothing but `json`, and cut off where a crash left half a batch."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_fixtures import Writer

from autotrack.backends import open_backend
from autotrack.backends.base import Backend, BackendContext
from autotrack.backends.jsonl import JsonLinesBackend
from autotrack.errors import StoreUnavailableError, UnsupportedValueError
from autotrack.records import ArtifactLogged, EvaluationLogged, NoteLogged, Param, ParamsLogged
from autotrack.testing import BackendContract, MemoryRun


def read(folder: Path) -> MemoryRun:
    run: dict[str, Any] = json.loads((folder / "run.json").read_text())
    metrics: dict[str, list[tuple[int, float]]] = {}
    for line in lines(folder / "metrics.jsonl"):
        metrics.setdefault(line["key"], []).append((line["step"], float(line["value"])))
    kept = {name: run[name] for name in ("id", "name", "experiment", "status", "params", "tags", "error")}
    files = [path for path in (folder / "artifacts").rglob("*") if path.is_file()]
    sizes = {path.relative_to(folder / "artifacts").as_posix(): path.stat().st_size for path in files}
    return MemoryRun(**kept, metrics=metrics, artifacts=sizes)


def lines(path: Path) -> list[dict[str, Any]]:
    def refuse(name: str) -> float:
        raise ValueError(f"{name} is no JSON")

    text = path.read_text() if path.exists() else ""
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


class TestJsonLines(BackendContract):
    def open(self, context: BackendContext) -> Backend:
        return open_backend(f"jsonl://{context.home}/lines", context)

    def read(self, context: BackendContext, run_id: str) -> MemoryRun:
        return read(context.home / "lines" / run_id)


def _records(writer: Writer) -> list[Any]:
    return [
        writer.started(tags={"a": "1"}),
        writer.place(ParamsLogged(time=1, params={"C": Param("nan", "float"), "layers": Param("[1, 2]", "json")})),
        *(writer.metrics(step=step, loss=step / 8) for step in range(60)),
        writer.metrics(step=0, odd=math.inf),
        writer.metrics(step=1, odd=-math.inf),
        writer.place(NoteLogged(time=3, code="c", message="m")),
        writer.place(EvaluationLogged(time=4, split="a/b", task="regression", report={"r2": math.nan})),
        writer.ended(),
    ]


def test_everything_is_plain_json(tmp_path: Path, context: BackendContext) -> None:
    writer = Writer()
    JsonLinesBackend(f"jsonl://{tmp_path}/out", context).write(_records(writer))
    folder = tmp_path / "out" / writer.run_id
    run = read(folder)
    assert run.params == {"C": "NaN", "layers": [1, 2]}
    assert run.metrics["odd"] == [(0, math.inf), (1, -math.inf)]
    assert [note["message"] for note in lines(folder / "notes.jsonl")] == ["m"]
    assert json.loads((folder / "evaluations" / "a_b.json").read_text())["report"] == {"r2": "NaN"}
    started = json.loads((folder / "run.json").read_text())["start_time"]
    assert started.startswith("1970-01-01T00:00:00.")
    assert started.endswith("+00:00")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.binary(max_size=40))
def test_a_crash_in_the_middle_of_a_batch_leaves_no_trace(
    tmp_path: Path, context: BackendContext, sizes: list[int], torn: bytes
) -> None:
    writer = Writer(os.urandom(16).hex())
    records, at = _records(writer), 0
    folder = tmp_path / "out" / writer.run_id
    for size in sizes:
        JsonLinesBackend(f"jsonl://{tmp_path}/out", context).write(records[max(0, at - 3) : at + size])
        at += size
        if (folder / "metrics.jsonl").exists():
            with (folder / "metrics.jsonl").open("ab") as file:
                file.write(torn)  # what a process killed between appending and committing leaves
    JsonLinesBackend(f"jsonl://{tmp_path}/out", context).write(records)
    run = read(folder)
    assert run.metrics["loss"] == [(step, step / 8) for step in range(60)]
    assert len(lines(folder / "notes.jsonl")) == 1
    assert run.status == "finished"


def test_no_file_is_written_outside_the_run(tmp_path: Path, context: BackendContext) -> None:
    writer, elsewhere = Writer(), Writer("../../elsewhere")
    evil = [writer.started(), writer.place(ArtifactLogged(time=1, path="../../evil", size=1))]
    for records in (evil, [elsewhere.started()]):
        with pytest.raises(UnsupportedValueError, match="stay inside the run"):
            JsonLinesBackend(f"jsonl://{tmp_path}/out", context).write(records)


def test_a_url_without_a_directory_is_explained(context: BackendContext) -> None:
    with pytest.raises(StoreUnavailableError, match="names no directory"):
        JsonLinesBackend("jsonl://", context)
