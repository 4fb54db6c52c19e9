"""SIGKILL at random moments: what a log call returned for is there, and the run says killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

KILLER = """
import json, mmap, os, random, signal, struct, sys, time
import autotrack
import autotrack.api, autotrack.store.store, autotrack.backends.sql  # imported once; the children are forks

kills = int(sys.argv[1])
board = mmap.mmap(-1, 64)  # shared with the child: its run's id and how many calls have returned

def victim():
    autotrack.enable(log_system_metrics=False, capture=[])
    with autotrack.start_run("victim") as run:
        board[:32] = run.id.encode()
        step = 0
        while True:
            run.log_metric("loss", step * 0.5, step)
            step += 1
            board[32:40] = struct.pack("<q", step)
            if step % 50 == 0:
                time.sleep(0.001)

acknowledged = {}
for _ in range(kills):
    board[:] = bytes(64)
    pid = os.fork()
    if pid == 0:
        victim()
    while board[0] == 0:
        time.sleep(0.001)
    time.sleep(random.uniform(0.0, 0.25))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    acknowledged[board[:32].decode()] = struct.unpack("<q", board[32:40])[0]

found = {}
for run_id, count in acknowledged.items():
    run = autotrack.get_run(run_id)
    points = run.metric_history("loss") if count else []
    complete = [(p.step, p.value) for p in points[:count]] == [(step, step * 0.5) for step in range(count)]
    found[run_id] = [run.status, count, complete]
from autotrack.store.store import Store
with Store.open(".autotrack") as store:
    problems = store.check()
left = [name for name in os.listdir(".autotrack/journal") if name.endswith(".journal")]
print(json.dumps({"found": found, "problems": problems, "left": left}))
"""


def kill(times: int, directory: Path) -> None:
    """Kill that many processes while they log, and check what is left of them."""
    result = subprocess.run(
        [sys.executable, "-c", KILLER, str(times)],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    report = json.loads(result.stdout.splitlines()[-1])
    assert len(report["found"]) == times
    assert {status for status, _, _ in report["found"].values()} == {"killed"}
    assert all(complete for _, _, complete in report["found"].values()), report["found"]
    assert sum(count for _, count, _ in report["found"].values()) > 0
    assert report["problems"] == []
    assert report["left"] == []


def test_ten_kills_lose_nothing(tmp_path: Path) -> None:
    kill(10, tmp_path)


@pytest.mark.slow
def test_a_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    kill(100, tmp_path)
