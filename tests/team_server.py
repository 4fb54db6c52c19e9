"""A real `autotrack server` for tests: a process of its own on a free port of this machine, ended by its own id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlflow_server import free_port


@contextmanager
def team_server(
    folder: Path, *options: str, store: str = "", variables: Mapping[str, str] | None = None, grace: float = 15.0
) -> Iterator[str]:
    """Give the URL of a server that keeps its store in `folder`, or in `store`; by default it asks for no login."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "autotrack", "--store", store or str(folder), "server", "-p", str(port), *options]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "AUTOTRACK_"))}
    environment |= {"AUTOTRACK_STORE": str(folder), **(variables or {})}
    with (folder / "team.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        wait_until_ready(url, process, folder)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its own session: the server and its processes
            process.wait()
            raise


def wait_until_ready(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{url}/ready", timeout=5):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "team.log").read_text()) from None
            time.sleep(0.05)


def ask(url: str, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Send one request of the protocol, and return status and answer."""
    wanted = {"content-type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, wanted, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, json.loads(reply.read() or b"{}")
    except urllib.error.HTTPError as error:
        with error:
            text = error.read()
        return error.code, json.loads(text) if text.startswith(b"{") else text


def post(url: str, path: str, body: Any) -> tuple[int, Any]:
    return ask(url, "POST", f"/api/2.0/mlflow/{path}", body)


def new_run(url: str, experiment: str = "0") -> str:
    return str(post(url, "runs/create", {"experiment_id": experiment, "start_time": 1})[1]["run"]["info"]["run_id"])
