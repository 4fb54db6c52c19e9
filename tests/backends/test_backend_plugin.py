"""The example of a backend in a package of its own: small, installed with pip, found by its entry point."""

from __future__ import annotations

import csv
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autotrack.backends.base import Backend, BackendContext
from autotrack.testing import BackendContract, MemoryRun

PLUGIN = Path(__file__).parents[2] / "examples" / "backend_plugin"
PROGRAM = """
import autotrack
autotrack.enable(to=["csv://csv", "home"], log_system_metrics=False)
with autotrack.start_run("plugged", run_id="a" * 32) as run:
    run.log_metric("loss", 0.5, step=3)
autotrack.disable()
"""


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def literal(text: str) -> Any:
    import json

    try:
        return json.loads(text)
    except ValueError:
        return text


class TestCsv(BackendContract):
    def open(self, context: BackendContext) -> Backend:
        spec = importlib.util.spec_from_file_location("autotrack_csv", PLUGIN / "autotrack_csv.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.CsvBackend(f"csv://{context.home}/csv", context)

    def read(self, context: BackendContext, run_id: str) -> MemoryRun:
        folder = context.home / "csv" / run_id
        values: dict[str, dict[str, str]] = {"run": {}, "param": {}, "tag": {}}
        for kind, key, value in rows(folder / "values.csv"):
            values[kind][key] = value
        metrics: dict[str, list[tuple[int, float]]] = {}
        for key, step, value, _ in rows(folder / "metrics.csv"):
            metrics.setdefault(key, []).append((int(step), float(value)))
        files = [path for path in (folder / "files").rglob("*") if path.is_file()]
        return MemoryRun(
            id=run_id,
            **values["run"],
            params={key: literal(value) for key, value in values["param"].items()},
            metrics=metrics,
            tags={key: value for key, value in values["tag"].items() if value},
            artifacts={path.relative_to(folder / "files").as_posix(): path.stat().st_size for path in files},
        )


def test_it_is_short() -> None:
    assert sum(len(path.read_text().splitlines()) for path in PLUGIN.glob("*.py")) < 80


@pytest.mark.slow
def test_it_is_installed_and_found(tmp_path: Path) -> None:
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(PLUGIN)], check=True)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, cwd=tmp_path, env=environment)
    found = rows(tmp_path / "csv" / ("a" * 32) / "metrics.csv")
    assert [row[:3] for row in found if row[0] == "loss"] == [["loss", "3", "0.5"]]
