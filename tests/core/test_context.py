"""Where a root run came from, and what the machine did meanwhile, recorded by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import autotrack
from autotrack import recording
from autotrack.testing import MemoryBackend


def enabled(**settings: object) -> MemoryBackend:
    name = os.urandom(4).hex()
    autotrack.enable(to=f"memory://{name}", **settings)
    return MemoryBackend.named(name)


def test_system_metrics_belong_to_the_root_runs_of_their_time(tmp_path: Path) -> None:
    memory = enabled(system_interval=0.1, capture=[])
    with autotrack.start_run("long"), autotrack.start_run("child", nested=True):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            autotrack.flush(5)
            if any("system/cpu_utilization_percentage" in run.metrics for run in memory.runs):
                break
            time.sleep(0.1)
    autotrack.disable()
    long, child = memory.runs
    assert {
        "system/cpu_utilization_percentage",
        "system/system_memory_usage_percentage",
        "system/disk_usage_percentage",
        "system/network_receive_megabytes",
    } <= set(long.metrics)
    assert not [key for key in child.metrics if key.startswith("system/")]


def test_git_command_line_and_environment_are_there(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=trunk"]
        return subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, text=True).stdout.strip()

    git("init")
    (tmp_path / "train.py").write_text("x = 1\n")
    git("add", ".")
    git("commit", "-m", "first")
    git("remote", "add", "origin", "https://me:hunter2@example.com/repo.git")
    (tmp_path / "train.py").write_text("x = 2\n")
    memory = enabled(log_system_metrics=False)
    with autotrack.start_run():
        pass
    home = recording.current_recorder().home
    autotrack.disable()
    (run,) = memory.runs
    assert run.tags["mlflow.source.git.commit"] == git("rev-parse", "HEAD")
    assert run.tags["mlflow.source.git.branch"] == "trunk"
    assert run.tags["mlflow.source.git.dirty"] == "true"
    assert "hunter2" not in run.tags["mlflow.source.git.repoURL"]
    environment = json.loads((home.run_artifacts(run.id) / "environment.json").read_text())
    assert environment["packages"]["autotrack"] == autotrack.__version__
    assert environment["python"].startswith("3.")
    assert environment["argv"]
    files = home.run_artifacts(run.id) / "code"
    assert "+x = 2" in (files / "changes.patch").read_text()
    entry = json.loads((files / "entry.json").read_text())
    assert (entry["commit"], entry["patch"], entry["directory"]) == (git("rev-parse", "HEAD"), True, ".")


def test_what_is_masked_from_now_on_is_masked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "--flavour", "mint"])
    told = []
    for words in ([], ["flavour"]):
        memory = enabled(log_system_metrics=False, redact=words)
        with autotrack.start_run():
            pass
        home = recording.current_recorder().home
        autotrack.disable()
        [run] = memory.runs
        told.append(
            [(home.run_artifacts(run.id) / name).read_text() for name in ("environment.json", "code/entry.json")]
        )
    assert all("mint" in text for text in told[0])
    assert not any("mint" in text for text in told[1])


def test_capture_can_be_switched_off(tmp_path: Path) -> None:
    memory = enabled(log_system_metrics=False, capture=[])
    with autotrack.start_run():
        pass
    autotrack.disable()
    (run,) = memory.runs
    assert run.tags == {}
    assert run.artifacts == {}
