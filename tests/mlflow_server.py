"""A real `mlflow server` for tests: SQLite, artifacts through the server, loopback, one worker, ended by its own id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from autotrack.records import FINISHED, KILLED
from autotrack.testing import MemoryRun

RUN_ID = "autotrack.run_id"
STATUS = {"FINISHED": FINISHED, "FAILED": "failed", "RUNNING": "running", "KILLED": KILLED}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mlflow_server(
    folder: Path, *options: str, variables: Mapping[str, str] | None = None, destination: str = ""
) -> Iterator[str]:
    """Give the URL of a server that keeps everything in `folder`, or its artifacts in `destination`."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
        *("--artifacts-destination", destination or str(folder / "artifacts"), "--serve-artifacts", *options),
    ]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "AUTOTRACK_"))}
    environment |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **(variables or {})}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _wait_until_up(url, process, folder)
        yield url
    finally:
        with suppress(ProcessLookupError):  # it may have failed to start
            os.killpg(process.pid, signal.SIGKILL)  # its own session: the server and its worker
        process.wait()


def _wait_until_up(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "server.log").read_text()) from None
            time.sleep(0.2)


def read_run(url: str, key: str) -> MemoryRun:
    """Read a run of ours with MLflow's own client."""
    client, found = find_run(url, key)
    run_id = found.info.run_id
    tags = dict(found.data.tags)
    histories = {name: client.get_metric_history(run_id, name) for name in found.data.metrics}
    return MemoryRun(
        id=key,
        name=found.info.run_name,
        experiment=client.get_experiment(found.info.experiment_id).name,
        status=tags.get("autotrack.status", STATUS[found.info.status]),
        params={name: literal(tags.get(f"autotrack.param.{name}", text)) for name, text in found.data.params.items()},
        metrics={
            name: [(point.step, point.value) for point in sorted(points, key=lambda p: (p.timestamp, p.step))]
            for name, points in histories.items()
        },
        tags=tags,
        artifacts=dict(list_files(client, run_id)),
    )


def find_run(url: str, key: str) -> tuple[Any, Any]:
    """Return a client and the one run with our id."""
    from mlflow import MlflowClient

    client = MlflowClient(url, registry_uri=url)  # another test of this process may have set one
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    [found] = client.search_runs(experiments, f"tags.`{RUN_ID}` = '{key}'")
    return client, client.get_run(found.info.run_id)


def list_files(client: Any, run_id: str, folder: str = "") -> Iterator[tuple[str, int]]:
    for file in client.list_artifacts(run_id, folder):
        if file.is_dir:
            yield from list_files(client, run_id, file.path)
        else:
            yield file.path, file.file_size or 0


def literal(text: str) -> Any:
    import ast

    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
