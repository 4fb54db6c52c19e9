"""A model server as users start it: the command in a process of its own, and raw requests to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

JSON = "application/json"


class ScoringServer:
    """A running `autotrack models serve`."""

    def __init__(self, process: subprocess.Popen[str], address: str, log: Path) -> None:
        self.process = process
        self.address = address
        self.port = int(address.rpartition(":")[2])
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def send(
        self, method: str, path: str, body: Any = None, kind: str = JSON, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Return the status and the body, parsed where it is JSON."""
        with contextlib.closing(self.connect()) as connection:
            return exchange(connection, method, path, body, kind, headers)

    def post(self, body: Any, kind: str = JSON, **headers: str) -> tuple[int, Any]:
        return self.send("POST", "/invocations", body, kind, headers)

    def predict(self, body: Any, kind: str = JSON) -> Any:
        status, answer = self.post(body, kind)
        assert status == 200, answer
        return answer["predictions"]

    def restart(self, timeout: float = 60) -> None:
        """Replace the workers, and wait until that is done."""
        before = self.log.count("restarted")
        self.process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: self.log.count("restarted") > before, timeout)

    def wait_for(self, condition: Callable[[], bool], timeout: float = 60) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, self.log
            assert self.process.poll() is None, self.log
            time.sleep(0.05)

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        import psutil

        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def stop(self, timeout: float = 60) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)


def exchange(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Any = None,
    kind: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Any]:
    """Send a request over an open connection, and read the answer to its end."""
    content = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
    connection.request(method, path, content, {"content-type": kind, **(headers or {})})
    response = connection.getresponse()
    answer = response.read()
    return response.status, json.loads(answer) if answer[:1] in (b"{", b"[") else answer.decode()


@contextlib.contextmanager
def scoring_server(uri: str, *options: str, folder: Path) -> Iterator[ScoringServer]:
    """Run the command until the block ends."""
    command = [sys.executable, "-m", "autotrack", "models", "serve", uri, "--port", "0", "--json", *options]
    log = folder / f"serve-{time.monotonic_ns()}.log"
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    watch = threading.Timer(120, process.kill)
    watch.start()
    try:
        lines: list[str] = []
        for line in process.stdout or ():
            lines.append(line)
            if line.startswith("}"):
                break
        else:
            raise AssertionError(f"the server does not start: {log.read_text()}")
        watch.cancel()
        yield ScoringServer(process, json.loads("".join(lines))["address"], log)
    finally:
        watch.cancel()
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout:
            process.stdout.close()
