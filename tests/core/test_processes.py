"""How processes start and end: workers, ranks, exits, full and read-only disks. Each in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

import autotrack
from autotrack import processes

START = "import autotrack; autotrack.enable(log_system_metrics=False, capture=[])\n"


def python(code: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a new process."""
    (cwd / "program.py").write_text(textwrap.dedent(code))
    return subprocess.run(
        [sys.executable, "program.py"],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def names(cwd: Path) -> list[tuple[str, str]]:
    """Return name and status of all runs in the store of a directory."""
    os.chdir(cwd)
    return sorted((run.name, run.status) for run in autotrack.search_runs())


def test_runs_left_open_end_with_the_process(tmp_path: Path) -> None:
    result = python(START + "autotrack.start_run('left open')\nautotrack.log_metric('loss', 1)", tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert names(tmp_path) == [("left open", "finished")]


@pytest.mark.parametrize("then", ["", "autotrack.log_metric('loss', 1)", "autotrack.enable()"])
def test_runs_left_open_by_disable_end_with_the_process(then: str, tmp_path: Path) -> None:
    code = f"autotrack.start_run('left open')\nautotrack.enable(experiment='other')\nautotrack.disable()\n{then}"
    result = python(START + code, tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert names(tmp_path) == [("left open", "finished")]


def test_spawned_workers_open_no_runs(tmp_path: Path) -> None:
    code = """
        import multiprocessing
        import autotrack
        autotrack.enable(log_system_metrics=False, capture=[])
        from sklearn.linear_model import LinearRegression

        def work(n):
            LinearRegression().fit([[1], [2]], [1, 2])
            return n

        if __name__ == "__main__":
            for method in ("spawn", "forkserver"):
                with multiprocessing.get_context(method).Pool(2) as pool:
                    assert pool.map(work, [1, 2]) == [1, 2]
            with autotrack.start_run("main"):
                pass
    """
    result = python(code, tmp_path)
    assert result.returncode == 0, result.stderr
    assert names(tmp_path) == [("main", "finished")]


def test_forked_children_are_the_users_program(tmp_path: Path) -> None:
    code = START + textwrap.dedent("""
        import os
        for child in range(3):
            if os.fork() == 0:
                with autotrack.start_run(f"child {child}"):
                    autotrack.log_metric("loss", child)
                raise SystemExit
        for _ in range(3):
            os.wait()
    """)
    result = python(code, tmp_path)
    assert result.returncode == 0, result.stderr
    assert names(tmp_path) == [(f"child {child}", "finished") for child in range(3)]


def test_a_child_that_exits_without_goodbye_is_picked_up(tmp_path: Path) -> None:
    code = START + textwrap.dedent("""
        import os
        if os.fork() == 0:
            with autotrack.start_run("child"):
                autotrack.log_metric("loss", 1)
            os._exit(0)
        os.wait()
    """)
    assert python(code, tmp_path).returncode == 0
    assert names(tmp_path) == [("child", "finished")]


def test_exit_is_quick_with_a_server_that_never_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        url = f"postgresql://nobody@127.0.0.1:{port}/runs?connect_timeout=60"
        code = f"""
            import autotrack
            autotrack.enable(to=[".autotrack", {url!r}], log_system_metrics=False, capture=[], exit_timeout=2)
            with autotrack.start_run("kept"):
                autotrack.log_metric("loss", 1)
        """
        started = time.monotonic()
        result = python(code, tmp_path)
        seconds = time.monotonic() - started
    assert result.returncode == 0
    assert seconds < 2 + 6  # the timeout, and what starting Python and SQLAlchemy takes on a busy machine
    assert "autotrack sync" in result.stderr
    assert names(tmp_path) == [("kept", "finished")]


@pytest.mark.parametrize("store", ["file", "/proc/autotrack"])
def test_a_directory_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path, store: str) -> None:
    (tmp_path / "file").write_text("in the way")
    spare = tmp_path / "spare"
    spare.mkdir()
    code = START + "with autotrack.start_run('kept') as run: autotrack.log_metric('loss', 1)\nprint('trained')"
    result = python(code, tmp_path, AUTOTRACK_STORE=store, TMPDIR=str(spare))
    assert (result.returncode, result.stdout) == (0, "trained\n"), result.stderr
    assert result.stderr.count("recording into") == 1
    (home,) = spare.glob("autotrack-*")
    assert (home / "store.db").exists()
    assert home.stat().st_mode & 0o777 == 0o700


def test_a_full_disk_is_no_reason_to_fail(tmp_path: Path) -> None:
    code = START + textwrap.dedent("""
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with autotrack.start_run("squeezed") as run:
            autotrack.flush(10)
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
            for step in range(2000):
                run.log_metric("loss", step, step)
            run.log_text("x" * 100_000, "big.txt")
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            run.log_metric("loss", 2000, 2000)
        print("trained")
    """)
    result = python(code, tmp_path, AUTOTRACK_TESTING="0")
    assert (result.returncode, result.stdout) == (0, "trained\n"), result.stderr
    os.chdir(tmp_path)
    run = autotrack.get_run("@last")
    assert [point.step for point in run.metric_history("loss")] == list(range(2001))
    assert any(note.code == "artifact.lost" for note in run.notes)


def test_logging_at_the_very_end_raises_nothing(tmp_path: Path) -> None:
    code = """
        import atexit
        def late():
            run.log_metric("from_atexit", 1)
        atexit.register(late)
        import autotrack
        autotrack.enable(log_system_metrics=False, capture=[])
        class Dying:
            def __del__(self):
                run.log_metric("from_del", 1)
        dying = Dying()
        run = autotrack.start_run("late")
        import builtins
        builtins.keep = dying  # goes when the interpreter takes its modules apart
    """
    result = python(code, tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    os.chdir(tmp_path)
    assert "from_atexit" in autotrack.get_run("@last").metrics


def test_a_process_with_another_rank_writes_nothing(tmp_path: Path) -> None:
    code = START + "import sklearn.linear_model as m; m.LinearRegression().fit([[1], [2]], [1, 2])"
    assert python(code, tmp_path, RANK="1").returncode == 0
    assert not (tmp_path / ".autotrack").exists()


@pytest.mark.parametrize(
    ("variables", "rank"),
    [
        ({}, 0),
        ({"RANK": "3"}, 3),
        ({"LOCAL_RANK": "1"}, 1),
        ({"RANK": "0", "LOCAL_RANK": "0"}, 0),
        ({"SLURM_PROCID": "2", "SLURM_NTASKS": "4"}, 2),
        ({"SLURM_PROCID": "0"}, 0),
        ({"OMPI_COMM_WORLD_RANK": "5"}, 5),
        ({"JAX_PROCESS_ID": "1"}, 1),
        ({"TF_CONFIG": '{"cluster": {"worker": ["a", "b"]}, "task": {"type": "worker", "index": 1}}'}, 1),
        ({"TF_CONFIG": '{"cluster": {"chief": ["a"], "worker": ["b"]}, "task": {"type": "worker", "index": 0}}'}, 1),
        ({"TF_CONFIG": '{"cluster": {"chief": ["a"]}, "task": {"type": "chief", "index": 0}}'}, 0),
        ({"TF_CONFIG": "nonsense"}, 0),
        ({"RANK": "x"}, 0),
    ],
)
def test_ranks(variables: dict[str, str], rank: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*processes.RANK_VARIABLES, "TF_CONFIG", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert processes.rank() == rank


def test_many_runs_leave_no_files_or_threads(tmp_path: Path) -> None:
    code = START + textwrap.dedent("""
        import os, threading
        def state():
            autotrack.flush(30)
            return len(os.listdir("/proc/self/fd")), threading.active_count()
        with autotrack.start_run():
            pass
        before = state()
        for number in range(300):
            with autotrack.start_run(f"{number}"):
                autotrack.log_metric("loss", number)
        after = state()
        assert after[0] <= before[0] + 2 and after[1] == before[1], (before, after)
        autotrack.disable()
        assert threading.active_count() == 1, threading.enumerate()
        assert os.listdir(".autotrack/journal/owners") == []
        assert not [name for name in os.listdir(".autotrack/journal") if ".journal" in name or "cursor" in name]
    """)
    result = python(code, tmp_path)
    assert result.returncode == 0, result.stderr


def test_32_processes_share_a_store(tmp_path: Path) -> None:
    code: Any = START + textwrap.dedent("""
        import sys
        with autotrack.start_run(sys.argv[1]) as run:
            for step in range(1000):
                run.log_metric("loss", step, step)
    """)
    (tmp_path / "program.py").write_text(code)
    started = [
        subprocess.Popen([sys.executable, "program.py", str(number)], cwd=tmp_path, stderr=subprocess.PIPE)
        for number in range(32)
    ]
    errors = [process.communicate(timeout=300)[1] for process in started]
    assert [process.returncode for process in started] == [0] * 32, errors
    os.chdir(tmp_path)
    runs = autotrack.search_runs()
    assert sorted(int(run.name) for run in runs) == list(range(32))
    assert {run.status for run in runs} == {"finished"}
    assert {len(run.metric_history("loss")) for run in runs} == {1000}
