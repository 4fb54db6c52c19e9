"""A server on a free port of this machine, in a thread, over a store with runs; and raw requests to it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import autotrack
from autotrack.place import find_place
from autotrack.server.launch import Server
from autotrack.settings import resolve


class Reply:
    """An answer that was read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Sends requests exactly as written: paths are not tidied and no header is added but `Host`."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.port = int(server.address.rpartition(":")[2])
        self.token = {"authorization": f"Bearer {server.access.token}"}

    def send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            wanted = {"Host": f"127.0.0.1:{self.port}", **(headers or {})}
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in wanted.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("content-length", str(len(body)))
            connection.endheaders(body)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        return self.send(
            "GET", path, {**self.token, **{name.replace("_", "-"): text for name, text in headers.items()}}
        )

    def post(self, path: str, content: Any, **headers: str) -> Reply:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        wanted = {**self.token, "content-type": "application/json", **named}
        return self.send("POST", path, wanted, json.dumps(content).encode())


def serve(home: Path) -> Iterator[Server]:
    """Run a server in a thread until the test is over."""
    server = Server(find_place(resolve(to=[str(home)]).settings), port=0)
    thread = threading.Thread(target=server.run, name="server", daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline, "the server does not start"
        time.sleep(0.01)
    yield server
    server.stop()
    thread.join(10)
    assert not thread.is_alive(), "the server does not stop"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_runs(tmp_path_factory.mktemp("store") / "home")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    yield from serve(home)


@pytest.fixture
def client(server: Server) -> Client:
    return Client(server)


def record_runs(home: Path) -> Path:
    """Record three runs with curves, evaluations and files, a child run, and one that failed."""
    autotrack.enable(to=[str(home)], only=[], log_system_metrics=False, capture=[])
    try:
        for number, rate in enumerate((0.1, 0.03, 0.01)):
            with autotrack.start_run(name=f"run-{number}", experiment="first"):
                autotrack.log_params({"lr": rate, "layers": 3, "net": {"width": [64, 32], "act": "relu"}})
                for step in range(60):
                    loss = float("nan") if step == 30 else 1 / (1 + step * rate)
                    autotrack.log_metrics({"loss": loss, "val_accuracy": 1 - 1 / (2 + step * rate)}, step=step)
                truth = [0, 1] * 20
                scores = [(0.2 + 0.015 * at) if at % 2 else (0.7 - 0.014 * at) for at in range(40)]
                autotrack.evaluate(truth, [int(score > 0.5) for score in scores], scores, split="test")
                autotrack.log_text("plain text\n", "notes.txt")
                autotrack.log_text("<script>document.title='owned'</script><h1>hello</h1>", "page.html")
                autotrack.log_table({"a": [1, 2], "b": ["x", "<i>y</i>"]}, "table.csv")
        with autotrack.start_run(name="parent", experiment="second"), autotrack.start_run(name="child", nested=True):
            autotrack.log_metric("score", 0.5)
        with pytest.raises(ValueError, match="broken"), autotrack.start_run(name="broken", experiment="second"):
            raise ValueError("broken")
        autotrack.flush()
    finally:
        autotrack.disable()
    return home
