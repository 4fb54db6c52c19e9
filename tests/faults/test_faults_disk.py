"""Disks that are full, out of inodes or read-only, and a process out of file descriptors (R08, R09).

Each program has a small file system of its own, mounted for it alone; RLIMIT_FSIZE is in tests/core/test_processes.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.faults.conftest import RunProgram

START = """
import os, subprocess, sys
os.mkdir("small")
subprocess.run(["mount", "-t", "tmpfs", "-o", "{options}", "tmpfs", "small"], check=True)
import autotrack
from autotrack.store.store import Store
autotrack.enable(store="small/home", log_system_metrics=False, capture=[])

def check(runs, points):
    assert autotrack.flush(60)
    with Store.open("small/home") as store:
        assert store.check() == []
    found = autotrack.search_runs()
    assert sorted(run.name for run in found) == sorted(runs), found
    for run in found:
        assert run.status == "finished", run
        assert [point.step for point in run.metric_history("loss")] == list(range(points)), run
    print("trained")
"""
FULL = """
with autotrack.start_run("squeezed") as run:
    run.log_metric("loss", 0, 0)
    autotrack.flush(30)
    with open("small/filler", "wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass
    for step in range(1, 3000):
        run.log_metric("loss", step, step)
    os.unlink("small/filler")
check(["squeezed"], 3000)
"""
NO_INODES = """
with autotrack.start_run("first"):
    autotrack.log_metric("loss", 0, 0)
autotrack.flush(30)
files = []
try:
    while True:
        files.append(os.open(f"small/{len(files)}", os.O_CREAT | os.O_CLOEXEC))
except OSError:
    pass
with autotrack.start_run("squeezed"):
    autotrack.log_metric("loss", 0, 0)
for number, fd in enumerate(files):
    os.close(fd)
    os.unlink(f"small/{number}")
with autotrack.start_run("last"):
    autotrack.log_metric("loss", 0, 0)
check(["first", "squeezed", "last"], 1)
"""
NO_DESCRIPTORS = """
with autotrack.start_run("first"):
    autotrack.log_metric("loss", 0, 0)
autotrack.flush(30)
import resource
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, limits[1]))
with autotrack.start_run("squeezed"):
    autotrack.log_metric("loss", 0, 0)
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
with autotrack.start_run("last"):
    autotrack.log_metric("loss", 0, 0)
check(["first", "squeezed", "last"], 1)
"""


@pytest.mark.parametrize(
    ("options", "program"),
    [
        pytest.param("size=1m", FULL, id="full"),
        pytest.param("size=8m,nr_inodes=40", NO_INODES, id="no inodes"),
        pytest.param("size=8m", NO_DESCRIPTORS, id="no descriptors"),
    ],
)
def test_all_arrives_once_there_is_room_again(
    options: str, program: str, run_program: RunProgram, private_mounts: tuple[str, ...]
) -> None:
    done = run_program(START.replace("{options}", options) + program, prefix=private_mounts)
    assert (done.returncode, done.stdout) == (0, "trained\n"), done.stderr


def test_a_read_only_disk_is_no_reason_to_fail(run_program: RunProgram, private_mounts: tuple[str, ...]) -> None:
    code = """
        import os, subprocess, tempfile
        os.mkdir("small")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", "small"], check=True)
        os.mkdir("spare")
        tempfile.tempdir = os.path.abspath("spare")
        os.chdir("small")
        import autotrack
        autotrack.enable(log_system_metrics=False, capture=[])
        with autotrack.start_run("kept"):
            autotrack.log_metric("loss", 1)
        assert [run.name for run in autotrack.search_runs()] == ["kept"]
        print("trained")
    """
    done = run_program(code, prefix=private_mounts)
    assert (done.returncode, done.stdout) == (0, "trained\n"), done.stderr
    assert done.stderr.count("recording into") == 1
