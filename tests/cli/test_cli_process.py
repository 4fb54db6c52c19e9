"""The command line as a process: start-up, pipes, delivery of what killed processes left, IPython, completion."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import autotrack
from autotrack import recording

AUTOTRACK = str(Path(sys.executable).with_name("autotrack"))


@pytest.fixture(autouse=True)
def _plain_runs(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "pyproject.toml").write_text("[tool.autotrack]\ncapture = []\nlog_system_metrics = false\n")
    yield
    recording.close_recorder()


def start(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [AUTOTRACK, *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def leave_journals(name: str, target: str | None = None) -> None:
    """Let a process die without delivering."""
    code = f"""
import os, signal, autotrack
autotrack.enable(to={target!r})
with autotrack.start_run({name!r}) as run:
    run.log_metric("loss", 1.0)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL


def test_the_version_needs_nothing_heavy() -> None:
    code = """
import sys
from autotrack.cli.app import commands
try:
    commands(["--version"])
except SystemExit:
    pass
heavy = {"numpy", "sqlalchemy", "rich", "alembic", "psutil", "sklearn", "pandas"}
print(sorted(heavy & set(sys.modules)))
"""
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout.splitlines()[-1] == "[]"


def test_ls_loads_neither_numpy_nor_rich() -> None:
    with autotrack.start_run("one"):
        pass
    assert autotrack.flush(60)
    code = """
import sys
from autotrack.cli.app import commands
try:
    commands(["ls"])
except SystemExit:
    pass
print(sorted({"numpy", "rich", "alembic", "pandas"} & set(sys.modules)))
"""
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout.splitlines()[-1] == "[]"


def test_ls_finds_what_a_killed_process_left() -> None:
    leave_journals("left")
    (run,) = json.loads(start("ls", "--json").stdout)
    assert (run["name"], run["status"], run["metrics"]["loss"]) == ("left", "finished", 1.0)


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    for number in range(3):
        with autotrack.start_run(f"run {number}"):
            pass
    assert autotrack.flush(60)
    result = subprocess.run(f"{AUTOTRACK} export | head -c 10", shell=True, capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_in_a_read_only_folder_is_read(tmp_path: Path) -> None:
    with autotrack.start_run("one"):
        pass
    recording.close_recorder()
    folder = tmp_path / ".autotrack"
    folder.chmod(0o500)
    try:
        assert start("ls").returncode == 0
    finally:
        folder.chmod(0o700)


# sync


def test_sync_delivers_what_was_left() -> None:
    leave_journals("left", "sqlite:///far/away.db")
    result = start("sync")
    assert (result.returncode, result.stdout) == (0, "")
    assert start("sync").stderr == "nothing waits to be delivered\n"
    (run,) = json.loads(start("ls", "--json", "--store", "far/away.db").stdout)
    assert run["name"] == "left"


def test_sync_says_which_target_is_away() -> None:
    away = "postgresql://nobody@127.0.0.1:9/nothing"
    leave_journals("left", away)
    result = start("sync", "--json")
    assert result.returncode == 4
    assert json.loads(result.stdout)["waiting"] == 1
    assert f"1 journal still on disk. {away}: " in result.stderr
    assert start("doctor").stdout.count("run: autotrack sync") == 1
    elsewhere = start("sync", "--to", "elsewhere.db")
    assert (elsewhere.returncode, elsewhere.stderr) == (0, "delivered 1 journal\n")
    assert json.loads(start("ls", "--json", "--store", "elsewhere.db").stdout)[0]["name"] == "left"


def test_sync_copies_a_run_with_its_files_and_children(tmp_path: Path) -> None:
    with autotrack.start_run("parent") as parent, autotrack.start_run("child", nested=True):
        parent.log_text("hello", "notes/a.txt")
    assert autotrack.flush(60)
    for _ in range(2):
        copied = start("sync", "parent", "--to", "other")
        assert (copied.returncode, copied.stderr) == (0, "copied 2 runs to other\n")
    shown = json.loads(start("--store", "other", "show", "parent", "--json").stdout)
    assert (shown["id"], len(shown["children"])) == (parent.id, 1)
    assert (tmp_path / "other" / "artifacts" / parent.id / "notes" / "a.txt").read_text() == "hello"
    assert start("sync", "parent", "--to", "postgresql://nobody@127.0.0.1:9/nothing").returncode == 4


# Surroundings


def test_the_ipython_extension_records(tmp_path: Path) -> None:
    notebook = tmp_path / "session.ipy"
    notebook.write_text(
        "%load_ext autotrack\n"
        "from sklearn.linear_model import LinearRegression\n"
        "LinearRegression().fit([[1], [2]], [1, 2])\n"
        "import autotrack\n"
        "print(autotrack.is_enabled(), [run.status for run in autotrack.search_runs()])\n"
        "%unload_ext autotrack\n"
        "print(autotrack.is_enabled())\n"
    )
    result = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "--quick", str(notebook)],
        env={**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.stdout.splitlines()[-2:] == ["True ['finished']", "False"], result.stdout + result.stderr


def test_shells_can_complete_commands() -> None:
    variables = {"_AUTOTRACK_COMPLETE": "bash_complete", "COMP_WORDS": "autotrack res", "COMP_CWORD": "1"}
    assert start(**variables).stdout.split() == ["plain,restore"]


def test_a_store_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    result = start("ls", "--store", str(tmp_path / "file"))
    assert (result.returncode, result.stdout) == (4, "")
    assert "Traceback" not in result.stderr
