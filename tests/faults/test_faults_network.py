"""R10: a store on a file system of the network, which has no memory to share. R27: greenlets instead of threads."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

import autotrack
from autotrack.store import network_disk

if TYPE_CHECKING:
    from tests.faults.conftest import RunProgram

GREENLETS = """
from gevent import monkey
monkey.patch_all()
import gevent
import autotrack

autotrack.enable(log_system_metrics=False)
ticks = 0

def tick():
    global ticks
    while True:
        ticks += 1
        gevent.sleep(0)

def train(number):
    with autotrack.start_run(f"greenlet {number}"):
        for step in range(50):
            autotrack.log_metric("loss", number + step, step=step)
            gevent.sleep(0)

ticker = gevent.spawn(tick)
gevent.joinall([gevent.spawn(train, number) for number in range(4)], raise_error=True)
assert autotrack.flush(60)
ticker.kill()
for run in autotrack.search_runs(order_by="name"):
    assert [point.value for point in run.metric_history("loss")] == [int(run.name[-1]) + step for step in range(50)]
    print(run.name, run.status)
assert ticks > 2  # others went on meanwhile
"""


def test_greenlets_have_runs_of_their_own(run_program: RunProgram) -> None:
    pytest.importorskip("gevent")
    done = run_program(GREENLETS, AUTOTRACK_TESTING="1", PYTHONWARNINGS="error::UserWarning")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"greenlet {number} finished" for number in range(4)]


@pytest.fixture
def on_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Have the disk of the tests count as one of the network."""
    mounts = {mount.mountpoint: mount.fstype for mount in psutil.disk_partitions(all=True)}
    kind = next(mounts[str(folder)] for folder in tmp_path.parents if str(folder) in mounts)
    monkeypatch.setattr(network_disk, "NETWORK_TYPES", frozenset({kind}))
    yield kind
    autotrack.disable()


def test_a_store_of_the_network_shares_no_memory(
    tmp_path: Path, on_the_network: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        autotrack.enable(to=str(tmp_path / "shared"), log_system_metrics=False)
        with autotrack.start_run() as run:
            run.log_metric("loss", 0.5)
        assert autotrack.flush(60)
        assert autotrack.get_run(run.id).metrics["loss"] == 0.5
    assert f"is on {on_the_network}, a file system of the network" in caplog.text
    [store] = (tmp_path / "shared").rglob("store.db")
    with closing(sqlite3.connect(store)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert not store.with_name("store.db-shm").exists()


def test_a_local_disk_is_known(tmp_path: Path) -> None:
    assert network_disk.network_file_system(tmp_path) is None
    assert network_disk.network_file_system(Path(os.sep) / "nowhere" / "at all") is None
