"""Backends that live in a process of their own: what that spares the user's, and what happens when it dies."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from store_fixtures import Writer
from wandb_files import read_runs

from autotrack.backends import open_backend
from autotrack.backends.base import BackendContext
from autotrack.backends.guest import GuestBackend
from autotrack.errors import AutotrackError, MissingDependencyError, RetryableError, StoreUnavailableError

PROGRAM = """
import os, sys, psutil, autotrack
autotrack.enable(to="{url}", log_system_metrics=False)
with autotrack.start_run() as run:
    run.log_metric("loss", 0.5)
    assert autotrack.flush(60)
    assert not {{"wandb", "trackio", "comet_ml", "pydantic", "google.protobuf"}} & set(sys.modules)
    helpers = psutil.Process().children(recursive=True)
    assert len(helpers) == {processes}, helpers
    sys.stderr.write(" ".join(str(helper.pid) for helper in helpers))
    sys.stderr.flush()
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize(
    ("url", "processes"),
    [
        ("wandb://team/churn", 2),  # ours, and W&B's service
        pytest.param("trackio://churn", 1, marks=pytest.mark.slow),
        pytest.param("comet://team/churn", 1, marks=pytest.mark.slow),
    ],
)
def test_the_users_process_stays_free(url: str, processes: int, tmp_path: Path) -> None:
    """Nothing is printed or imported, no network is tried, and a killed program leaves no process behind."""
    with listener() as (address, connections):
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WANDB_BASE_URL", "COMET_URL_OVERRIDE", "HF_ENDPOINT")
        mine = {key: value for key, value in os.environ.items() if not key.startswith(("WANDB", "COMET", "TRACKIO"))}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(url=url, processes=processes)],
            cwd=tmp_path,
            env={**mine, **dict.fromkeys(names, address), "NO_PROXY": "", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == -9, done.stderr
        assert done.stdout == ""
        helpers = [psutil.Process(int(pid)) for pid in done.stderr.split() if psutil.pid_exists(int(pid))]
        _, alive = psutil.wait_procs(helpers, timeout=20)
        assert not alive
    assert not connections
    if url.startswith("wandb"):
        [run] = read_runs(tmp_path / ".autotrack").values()
        assert run.points()["loss"] == [(0, 0.5)]


FORK = """
import os, sys, psutil, autotrack
autotrack.enable(to="wandb://team/churn?mode=offline", log_system_metrics=False, capture=[])
run = autotrack.start_run("parent")
run.log_metric("loss", 0.5, 0)
assert autotrack.flush(60)
helpers = psutil.Process().children(recursive=True)
child = os.fork()
if child == 0:
    with autotrack.start_run("child", nested=True) as own:
        own.log_metric("loss", 1.0, 0)
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert psutil.Process().children(recursive=True) == helpers
run.log_metric("loss", 0.25, 1)
run.end()
autotrack.disable()
assert not psutil.Process().children(recursive=True)
"""


def test_a_fork_takes_nothing_along(tmp_path: Path) -> None:
    """The forked child gets a process of its own; that of its parent goes on."""
    command = [sys.executable, "-W", "ignore", "-c", FORK]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    runs = {run.name: run for run in read_runs(tmp_path / ".autotrack").values()}
    assert runs["parent"].points()["loss"] == [(0, 0.5), (1, 0.25)]
    assert runs["child"].points()["loss"] == [(0, 1.0)]
    assert {run.status for run in runs.values()} == {"finished"}
    assert runs["child"].group == runs["parent"].group


@contextlib.contextmanager
def listener() -> Iterator[tuple[str, list[object]]]:
    """Give an address and, later, who has connected to it."""
    connections: list[object] = []

    def accept() -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connections.append(server.accept()[1])

    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}", connections
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def test_a_process_that_died_is_started_again(context: BackendContext, tmp_path: Path) -> None:
    writer = Writer()
    backend = GuestBackend("autotrack.backends.jsonl:JsonLinesBackend", f"jsonl://{tmp_path}/runs", context)
    backend.write([writer.started()])
    assert backend._helper is not None
    backend._helper._process.kill()
    backend._helper._process.wait()
    point = writer.metrics(loss=0.5)
    with pytest.raises(RetryableError, match="it is started again"):
        backend.write([point])
    backend.write([point])
    backend.close()
    backend.close()
    assert (tmp_path / "runs" / writer.run_id / "metrics.jsonl").read_text().count("loss") == 1


def refuse_as_missing(url: str, context: BackendContext) -> None:
    raise MissingDependencyError("wandb", "wandb")


def refuse_later(url: str, context: BackendContext) -> None:
    raise RetryableError("busy", retry_after=7.0)


def refuse_for_good(url: str, context: BackendContext) -> None:
    raise ValueError("odd")


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        ("refuse_as_missing", MissingDependencyError, r"pip install .*wandb"),
        ("refuse_later", RetryableError, "busy"),
        ("refuse_for_good", AutotrackError, "ValueError: odd"),
    ],
)
def test_errors_cross_the_border(
    function: str, error: type[Exception], message: str, context: BackendContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    with pytest.raises(error, match=message) as caught:
        GuestBackend(f"test_backend_guest:{function}", "x://y", context)
    assert getattr(caught.value, "retry_after", 7.0) == 7.0


def test_a_bad_url_is_explained(context: BackendContext) -> None:
    with pytest.raises(StoreUnavailableError, match="is not trackio://project"):
        open_backend("trackio://a/b", context)
