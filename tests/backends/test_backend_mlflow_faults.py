"""What can go wrong between us and an MLflow server, each with a real socket: nothing is lost, and nothing comes twice.

A scripted proxy stands before a real server. Afterwards the server has exactly what was logged.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faulty_proxy import (
    Action,
    Proxy,
    Request,
    answer,
    apply_and_reset,
    apply_and_swallow,
    forward,
    reset,
    swallow,
)
from mlflow_server import find_run, free_port, read_run

import autotrack
from autotrack import follower, recording
from autotrack.backends import open_backend
from autotrack.backends.base import BackendContext
from autotrack.backends.mlflow.client import _retry_after
from autotrack.errors import RetryableError

STEPS = 2_500  # three requests


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait little for answers and less between tries, where a user's program waits longer."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "3")
    monkeypatch.setattr(follower, "FIRST_DELAY", 0.05)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def forgiving(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let our errors be contained, as they are for users: a record that a server refuses is such an error."""
    monkeypatch.setenv("AUTOTRACK_TESTING", "0")


@pytest.fixture
def enabled(proxy: Proxy, home: Path) -> Iterator[None]:
    autotrack.enable(to=[proxy.url, str(home)], experiment="faults", log_system_metrics=False, capture=[])
    yield
    autotrack.disable()


def record(home: Path, steps: int = STEPS) -> str:
    """Record a run with everything in it that has to arrive once."""
    with autotrack.start_run("faulty", tags={"team": "x"}) as run:
        run.log_params({"C": 0.5, "solver": "lbfgs"})
        for step in range(steps):
            run.log_metric("loss", 1 / (step + 1), step)
        run.log_text("hello", "notes/read.txt")
    return run.id


def check(url: str, run_id: str) -> None:
    """The server has the run once, whole."""
    run = read_run(url, run_id)  # fails where there is more than one
    assert run.metrics["loss"] == [(step, 1 / (step + 1)) for step in range(STEPS)]
    assert (run.params, run.tags["team"], run.status) == ({"C": 0.5, "solver": "lbfgs"}, "x", "finished")
    assert run.artifacts == {"notes/read.txt": 5}


def parked() -> int:
    recorder = recording.open_recorder()
    assert recorder is not None
    return sum(one.parked for one in recorder.delivery.followers)


def once(action: Action, path: str, times: int = 1) -> Callable[[Request], Action]:
    """Do something to the first requests for a path; all others are forwarded."""
    left = [times]

    def script(request: Request) -> Action:
        if request.is_for(path) and left[0]:
            left[0] -= 1
            return action
        return forward

    return script


PATHS = ("experiments/create", "runs/search", "runs/create", "runs/log-batch", "mlflow-artifacts", "runs/update")
TROUBLE = {
    "500": answer(500, b'{"error_code": "INTERNAL_ERROR", "message": "oops"}'),
    "503": answer(503, b"busy", "Retry-After: 0"),
    "429": answer(429, b"slow down", "Retry-After: 0"),
    "502 page": answer(502, b"<html>bad gateway</html>"),
    "wrong json": answer(200, b'{"run": '),
    "another json": answer(200, b"{}"),
    "another page": answer(200, b"<html>please log in</html>"),
    "redirect": answer(302, b"", "Location: http://elsewhere.invalid/"),
    "reset": reset,
    "reset, applied": apply_and_reset,
}


QUICK = {
    ("500", "runs/create"),
    ("503", "runs/log-batch"),
    ("wrong json", "runs/create"),
    ("another json", "runs/create"),
    ("reset", "mlflow-artifacts"),
    ("reset, applied", "runs/create"),
    ("reset, applied", "runs/log-batch"),
}
CASES = [
    pytest.param(trouble, path, marks=[] if (trouble, path) in QUICK else pytest.mark.slow)
    for trouble in TROUBLE
    for path in PATHS
    if trouble != "another json" or path in {"experiments/create", "runs/create"}  # where something in it is needed
]


@pytest.mark.parametrize(("trouble", "path"), CASES)
@pytest.mark.usefixtures("enabled")
def test_trouble_at_any_request_leaves_no_trace(
    proxy: Proxy, mlflow_url: str, home: Path, path: str, trouble: str
) -> None:
    proxy.script = once(TROUBLE[trouble], path, times=2)
    run_id = record(home)
    assert autotrack.flush(60)
    check(mlflow_url, run_id)
    assert parked() == 0


@pytest.mark.parametrize(
    ("action", "path"),
    [
        (apply_and_swallow, "runs/create"),
        (swallow, "runs/log-batch"),
        pytest.param(swallow, "runs/create", marks=pytest.mark.slow),
        pytest.param(apply_and_swallow, "runs/log-batch", marks=pytest.mark.slow),
    ],
)
@pytest.mark.usefixtures("enabled")
def test_a_black_hole(proxy: Proxy, mlflow_url: str, home: Path, path: str, action: Action) -> None:
    proxy.script = once(action, path)
    started = time.monotonic()
    run_id = record(home)
    assert time.monotonic() - started < 0.9, "the caller waited for the server"
    assert autotrack.flush(60)
    check(mlflow_url, run_id)


@pytest.mark.usefixtures("enabled")
def test_down_at_the_start_and_back(proxy: Proxy, mlflow_url: str, home: Path) -> None:
    proxy.stop()
    run_id = record(home)
    assert not autotrack.flush(0.3)
    assert autotrack.get_run(run_id).metrics["loss"] == 1 / STEPS, "the store got it meanwhile"
    proxy.start()
    assert autotrack.flush(60)
    check(mlflow_url, run_id)


@pytest.mark.usefixtures("enabled")
def test_down_in_the_middle_and_back(proxy: Proxy, mlflow_url: str, home: Path) -> None:
    run = autotrack.start_run("faulty", tags={"team": "x"})
    run.log_params({"C": 0.5, "solver": "lbfgs"})
    for step in range(STEPS):
        run.log_metric("loss", 1 / (step + 1), step)
        if step == STEPS // 3:
            assert autotrack.flush(60)
            proxy.stop()
        if step == 2 * STEPS // 3:
            assert not autotrack.flush(0.3)
            proxy.start()
    run.log_text("hello", "notes/read.txt")
    autotrack.end_run()
    assert autotrack.flush(60)
    check(mlflow_url, run.id)


@pytest.mark.usefixtures("enabled")
def test_retry_after_is_waited_for(proxy: Proxy, mlflow_url: str, home: Path) -> None:
    proxy.script = once(answer(429, b"", "Retry-After: 1"), "runs/create")
    run_id = record(home)
    assert autotrack.flush(60)
    times = [request.number for request in proxy.requests if request.is_for("runs/create")]
    assert len(times) == 2
    check(mlflow_url, run_id)


def test_retry_after_may_be_a_date() -> None:
    assert _retry_after({"Retry-After": "120"}) == 120
    assert _retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert _retry_after({"Retry-After": "soon"}) is None
    assert _retry_after({}) is None


@pytest.mark.usefixtures("enabled")
def test_too_large_bodies_are_split(proxy: Proxy, mlflow_url: str, home: Path) -> None:
    def script(request: Request) -> Action:
        return answer(413, b"too large") if request.is_for("log-batch") and len(request.data) > 20_000 else forward

    proxy.script = script
    run_id = record(home)
    assert autotrack.flush(60)
    check(mlflow_url, run_id)
    assert parked() == 0


@pytest.mark.usefixtures("forgiving", "enabled")
def test_a_file_that_is_too_large_is_put_aside_and_the_rest_goes_on(proxy: Proxy, mlflow_url: str, home: Path) -> None:
    proxy.script = lambda request: answer(413) if request.is_for("mlflow-artifacts") else forward
    run_id = record(home)
    assert autotrack.flush(60)
    run = read_run(mlflow_url, run_id)
    assert (len(run.metrics["loss"]), run.artifacts, run.status) == (STEPS, {}, "finished")
    assert parked() == 1
    assert autotrack.flush(60)
    assert "refused a ArtifactLogged" in read_run(mlflow_url, run_id).tags["autotrack.notes"]
    assert len(list((home / "journal" / "parked").iterdir())) == 1


@pytest.mark.usefixtures("enabled")
def test_wrong_credentials_wait_on_disk_until_they_are_right(proxy: Proxy, mlflow_url: str, home: Path) -> None:
    proxy.script = lambda _: answer(401, b"You are not authenticated.")
    run_id = record(home)
    assert not autotrack.flush(0.5)
    [name] = [one for one in _followers() if one.target == proxy.url]
    assert "does not accept the credentials (401)" in str(name.last_error)
    proxy.script = lambda _: forward
    assert autotrack.flush(60)
    check(mlflow_url, run_id)


@pytest.mark.usefixtures("forgiving", "enabled")
def test_a_server_closed_to_us_waits_and_a_run_closed_to_us_is_put_aside(
    proxy: Proxy, mlflow_url: str, home: Path
) -> None:
    proxy.script = lambda _: answer(403, b"Permission denied")
    waiting = record(home)
    assert not autotrack.flush(0.5)
    proxy.script = lambda _: forward
    assert autotrack.flush(60)
    check(mlflow_url, waiting)
    proxy.script = lambda request: answer(403, b"Permission denied") if request.is_for("runs/create") else forward
    before = len(proxy.requests)
    refused = record(home, steps=50)
    assert autotrack.flush(60)
    assert parked() >= 50
    assert len(proxy.requests) - before < 20, "a refused run is not asked for again and again"
    proxy.script = lambda _: forward
    other = record(home)
    assert autotrack.flush(60)
    check(mlflow_url, other)
    with pytest.raises(ValueError, match="unpack"):
        find_run(mlflow_url, refused)


def _followers() -> list[follower.Follower]:
    recorder = recording.open_recorder()
    assert recorder is not None
    return recorder.delivery.followers


@pytest.mark.parametrize(
    ("host", "reason"),
    [("no-such-host.invalid", "the name of no-such-host.invalid:5000 cannot be resolved"), ("", "the server is down")],
)
def test_names_and_ports_that_lead_nowhere(tmp_path: Path, host: str, reason: str) -> None:
    address = f"http://{host}:5000" if host else f"http://127.0.0.1:{free_port()}"
    autotrack.enable(to=[address, str(tmp_path / "home")], log_system_metrics=False, capture=[])
    record(tmp_path)
    autotrack.flush(0.5)
    [one] = [one for one in _followers() if one.target == address]
    assert reason in str(one.last_error)
    started = time.monotonic()
    autotrack.disable()
    assert time.monotonic() - started < 6


def test_no_redirect_takes_credentials_elsewhere(proxy: Proxy, context: BackendContext) -> None:
    other = Proxy(proxy.url)
    proxy.script = lambda _: answer(307, b"", f"Location: {other.url}/api/2.0/mlflow/experiments/create")
    target = proxy.url.replace("http://", "http://me:secret@")
    backend = open_backend(target, context)
    from autotrack.records import RunStarted

    with pytest.raises(RetryableError, match=r"redirects to http://127\.0\.0\.1"):
        backend.write([RunStarted(time=1, run_id="a" * 32, name="n", experiment="e")])
    backend.close()
    other.stop()
    assert other.requests == []


def test_an_endless_answer_is_cut(proxy: Proxy, context: BackendContext, monkeypatch: pytest.MonkeyPatch) -> None:
    from autotrack.backends.mlflow import client
    from autotrack.records import RunStarted

    monkeypatch.setattr(client, "MAX_ANSWER", 10_000)
    proxy.script = lambda _: answer(200, b" " * 50_000)
    backend = open_backend(proxy.url, context)
    with pytest.raises(RetryableError, match="answers with more than"):
        backend.write([RunStarted(time=1, run_id="a" * 32, name="n", experiment="e")])
    backend.close()


def test_secrets_appear_nowhere(
    proxy: Proxy, mlflow_url: str, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    target = proxy.url.replace("http://", "http://me:hunter2secret@")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "tokensecret42")
    caplog.set_level(logging.DEBUG, "autotrack")
    autotrack.enable(to=[target, str(home)], experiment="faults", log_system_metrics=False)
    proxy.script = lambda _: answer(401, b"no")
    run_id = record(home)
    assert not autotrack.flush(0.3)
    proxy.stop()
    assert not autotrack.flush(0.3)
    proxy.start()
    proxy.script = lambda _: forward
    assert autotrack.flush(60)
    errors = [str(one.last_error) for one in _followers()]
    autotrack.disable()
    run = read_run(mlflow_url, run_id)
    seen = f"{caplog.text} {errors} {run}".encode() + b"".join(
        path.read_bytes() for path in home.rglob("*") if path.is_file()
    )
    for secret in (b"hunter2secret", b"tokensecret42", b"bWU6aHVudGVyMnNlY3JldA"):
        assert secret not in seen
    assert any(b"Basic bWU6aHVudGVyMnNlY3JldA" in request.data for request in proxy.requests), "the URL's come first"
    assert not any(b"Bearer" in request.data for request in proxy.requests)


def test_credentials_of_another_server_stay_away(
    proxy: Proxy, mlflow_url: str, context: BackendContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autotrack.records import RunStarted

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "tokensecret42")
    for known, expected in (("http://somewhere-else:5000", False), (proxy.url, True), ("sqlite:///x.db", True)):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", known)
        proxy.requests.clear()
        backend = open_backend(proxy.url, context)
        backend.write([RunStarted(time=1, run_id=os.urandom(16).hex(), name="n", experiment="e")])
        backend.close()
        assert any(b"Bearer tokensecret42" in request.data for request in proxy.requests) == expected


PROGRAM = """
import sys, autotrack
autotrack.enable(to=[sys.argv[1], "home"], experiment="faults", log_system_metrics=False, capture=[], exit_timeout=1)
run = autotrack.start_run("faulty", tags={"team": "x"})
run.log_params({"C": 0.5, "solver": "lbfgs"})
for step in range(2500):
    run.log_metric("loss", 1 / (step + 1), step)
run.log_text("hello", "notes/read.txt")
run.end()
print(run.id, flush=True)
sys.stdin.read() if sys.argv[2] == "wait" else None
"""


def test_killed_while_sending_and_synced_afterwards(proxy: Proxy, mlflow_url: str, tmp_path: Path) -> None:
    proxy.script = once(apply_and_swallow, "runs/log-batch", times=99)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, proxy.url, "wait"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"},
    )
    assert process.stdout is not None
    run_id = process.stdout.readline().decode().strip()
    deadline = time.monotonic() + 20
    while not any(request.is_for("log-batch") for request in proxy.requests):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    proxy.script = lambda _: forward
    for _ in range(2):
        _autotrack(tmp_path, "sync", "--store", "home")
    check(mlflow_url, run_id)


def test_a_program_ends_in_time_and_sync_delivers_the_rest(proxy: Proxy, mlflow_url: str, tmp_path: Path) -> None:
    proxy.script = lambda _: swallow
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, proxy.url, "go"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert time.monotonic() - started < 8, "the black hole held up the end of the program"
    assert "`autotrack sync` delivers them" in done.stderr
    proxy.script = lambda _: forward
    _autotrack(tmp_path, "sync", "--store", "home")
    check(mlflow_url, done.stdout.strip())


def test_a_stored_run_is_copied_once(mlflow_url: str, tmp_path: Path, home: Path) -> None:
    autotrack.enable(to=str(home), experiment="faults", log_system_metrics=False, capture=[])
    run_id = record(home)
    autotrack.disable()
    for _ in range(2):
        _autotrack(tmp_path, "sync", run_id, "--to", "mlflow", "--store", "home", MLFLOW_TRACKING_URI=mlflow_url)
    check(mlflow_url, run_id)


def _autotrack(folder: Path, *arguments: str, **variables: str) -> None:
    command = [sys.executable, "-m", "autotrack", *arguments]
    environment = {**os.environ, "MLFLOW_HTTP_REQUEST_TIMEOUT": "30", **variables}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.mark.usefixtures("no_mlflow_variables")
def test_one_slow_backend_holds_up_no_other(proxy: Proxy, home: Path, tmp_path: Path) -> None:
    proxy.script = lambda _: swallow
    lines = tmp_path / "lines"
    autotrack.enable(to=[proxy.url, f"jsonl://{lines}", str(home)], log_system_metrics=False, capture=[])
    started = time.monotonic()
    run_id = record(home)
    assert time.monotonic() - started < 0.9
    recorder = recording.open_recorder()
    assert recorder is not None
    assert recorder.flush(5, [one.target for one in _followers() if one.target != proxy.url])
    assert (lines / run_id / "metrics.jsonl").read_bytes().count(b"\n") == STEPS + 1  # and the overhead
    assert autotrack.get_run(run_id).metrics["loss"] == 1 / STEPS
    proxy.stop()
    autotrack.disable()


FLOOD = """
import resource, sys, autotrack
autotrack.enable(to=[sys.argv[1]], log_system_metrics=False, capture=[], exit_timeout=0)
run = autotrack.start_run("flood")
def log(first, last):
    for step in range(first, last):
        run.log_metric("loss", 0.5, step)
log(0, 20_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
log(20_000, 400_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_memory_stays_flat_while_the_server_does_not_answer(proxy: Proxy, tmp_path: Path) -> None:
    proxy.script = lambda _: swallow
    done = subprocess.run(
        [sys.executable, "-c", FLOOD, proxy.url], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert int(done.stdout) < 8_000, "kilobytes more after 380,000 points"
