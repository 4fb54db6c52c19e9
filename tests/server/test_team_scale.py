"""A team's server on PostgreSQL and S3, in several processes; upgrades; and what is lost when a process is killed."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import psutil
import pytest
from mlflow_server import free_port
from postgres_cluster import new_database
from s3_server import s3_server
from team_server import ask, new_run, post, team_server

from autotrack.errors import OlderSchemaError, StoreUnavailableError
from autotrack.server.artifacts import file_id
from autotrack.server.team.meters import Meters
from autotrack.store import Store
from autotrack.store.engine import open_engine
from autotrack.store.in_use import in_use, upgrading

CLIENTS, BATCHES, POINTS = 16, 4, 100


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    with s3_server("team") as variables:
        yield variables


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, s3: dict[str, str]) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("scale")
    options = ("--no-login", "--workers", "2", "--artifacts", "s3://team/files", "--log-json")
    with new_database() as store, team_server(folder, *options, store=store, variables=s3) as address:
        yield address
        for line in (folder / "team.log").read_text().splitlines()[1:]:
            assert json.loads(line)["level"] in {"info", "warning", "error"}


def children(url: str) -> list[psutil.Process]:
    """Find the processes that answer: children of the one that listens, but for Python's own helper."""
    port = url.rpartition(":")[2]
    [parent] = [one for one in psutil.Process().children() if f" -p {port}" in _command(one)]
    return [one for one in parent.children() if "spawn_main" in _command(one)]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return ""


def test_many_clients_log_at_once_and_nothing_is_lost(url: str) -> None:
    run_id = new_run(url)
    problems: list[object] = []

    def work(worker: int) -> None:
        line = http.client.HTTPConnection("127.0.0.1", int(url.rpartition(":")[2]), timeout=60)
        for batch in range(BATCHES):
            steps = range(batch * POINTS, (batch + 1) * POINTS)
            points = [{"key": f"m{worker % 4}", "value": worker, "timestamp": worker, "step": step} for step in steps]
            line.request(
                "POST",
                "/api/2.0/mlflow/runs/log-batch",
                json.dumps({"run_id": run_id, "metrics": points}),
                {"content-type": "application/json"},
            )
            reply = line.getresponse()
            text = reply.read()
            if reply.status != 200:
                problems.append(text)
        line.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    for key in range(4):
        query = f"run_id={run_id}&metric_key=m{key}&max_results=25000"
        points = ask(url, "GET", f"/api/2.0/mlflow/metrics/get-history?{query}")[1]["metrics"]
        assert len(points) == CLIENTS * BATCHES * POINTS / 4


def test_files_are_in_the_bucket(url: str, s3: dict[str, str]) -> None:
    run_id = new_run(url)
    place = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts"
    large = bytes(range(256)) * 80_000  # more than one part
    for name, content in (("small.txt", b"hello"), ("dir/large.bin", large), ("empty", b"")):
        assert ask(url, "PUT", f"{place}/{name}", content)[0] == 200
        with urllib.request.urlopen(f"{url}{place}/{name}") as reply:
            assert reply.read() == content
    with urllib.request.urlopen(f"{s3['AWS_ENDPOINT_URL']}/team?list-type=2&prefix=files/{run_id}/") as reply:
        assert f"files/{run_id}/dir/large.bin" in reply.read().decode()
    assert ask(url, "DELETE", f"{place}/small.txt")[0] == 200
    assert ask(url, "GET", f"{place}/small.txt")[0] == 404
    with urllib.request.urlopen(f"{url}/runs/{run_id}/files") as reply:
        assert "large.bin" in reply.read().decode()
    with urllib.request.urlopen(f"{url}/runs/{run_id}/raw/{file_id('dir/large.bin')}") as reply:
        assert reply.read() == large


def test_a_process_that_dies_is_replaced(url: str) -> None:
    before = children(url)
    assert len(before) == 2
    before[0].send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while len({one.pid for one in children(url)} - {one.pid for one in before}) < 1:
        assert time.monotonic() < deadline, "no new process"
        time.sleep(0.1)
    assert post(url, "experiments/search", {"max_results": 1})[0] == 200


def test_the_registry_works_on_postgresql(url: str) -> None:
    assert post(url, "registered-models/create", {"name": "m"})[0] == 200
    assert post(url, "registered-models/create", {"name": "m"})[1]["error_code"] == "RESOURCE_ALREADY_EXISTS"
    version = post(url, "model-versions/create", {"name": "m", "source": "s3://x/y", "run_id": new_run(url)})[1]
    assert version["model_version"]["version"] == "1"
    found = ask(url, "GET", "/api/2.0/mlflow/model-versions/search?filter=name%3D'm'")[1]["model_versions"]
    assert [one["version"] for one in found] == ["1"]


def test_an_upgrade_is_refused_while_servers_run(url: str, tmp_path: Path) -> None:
    with team_server(tmp_path, "--no-login"):
        engine = open_engine(tmp_path)
        with pytest.raises(StoreUnavailableError, match="stop them"), engine.begin() as one, upgrading(one):
            pass
    with engine.begin() as connection, upgrading(connection):  # it has ended
        pass
    engine.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_only_one_of_upgrade_and_server(kind: str, tmp_path: Path) -> None:
    with new_database() if kind == "postgresql" else nullcontext(tmp_path) as place:
        engine = open_engine(place)
        stopped = pytest.raises(StoreUnavailableError, match="stop them")
        with in_use(engine), in_use(engine), stopped, engine.begin() as one, upgrading(one):  # any number of servers
            pass
        with engine.begin() as one, upgrading(one), pytest.raises(StoreUnavailableError), in_use(engine):
            pass
        engine.dispose()


def test_a_server_does_not_upgrade_by_itself(tmp_path: Path) -> None:
    engine = open_engine(tmp_path)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE autotrack_version SET version_num = '0003'")
    engine.dispose()
    with pytest.raises(OlderSchemaError, match="server upgrade"):
        Store.open(tmp_path, upgrade=False)
    command = [sys.executable, "-m", "autotrack", "--store", str(tmp_path), "server", "-p", str(free_port())]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 4
    assert "autotrack server upgrade" in ended.stderr


def test_processes_end_with_their_supervisor(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "autotrack", "--store", str(tmp_path), "server", "--no-login", "--workers", "2"]
    supervisor = subprocess.Popen([*command, "-p", str(free_port())], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    workers: list[psutil.Process] = []
    while len(workers) < 2:
        assert time.monotonic() < deadline
        found = psutil.Process(supervisor.pid).children()
        workers = [one for one in found if "spawn_main" in _command(one)]
        time.sleep(0.1)
    time.sleep(3)
    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.wait()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert alive == []


def test_processes_count_together() -> None:
    first = Meters(2)
    second = first.of(1)
    for meters, status in ((first, 200), (second, 404), (second, 503)):
        meters.begin()
        meters.end("/api/2.0/mlflow/runs/log-batch", status, 0.02)
    text = first.text()
    assert text == second.text()
    assert 'autotrack_requests_total{kind="log",status="2xx"} 1' in text
    assert 'autotrack_requests_total{kind="log",status="4xx"} 1' in text
    assert 'autotrack_request_seconds_bucket{kind="log",le="0.025"} 3' in text
    assert 'autotrack_request_seconds_sum{kind="log"} 0.060000' in text
    assert "autotrack_requests_running 0" in text
