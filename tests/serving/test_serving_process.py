"""The server as a process: what it answers, and that nothing is lost when workers come and go."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families
from scoring_server import ScoringServer, exchange, scoring_server
from sklearn.linear_model import LogisticRegression

import autotrack
import autotrack.models
from autotrack.models import registry

SLOW = """
import ctypes
import os
import time


class Slow:
    def predict(self, model_input):
        seconds = float(model_input["seconds"].iloc[0])
        if seconds < 0:
            ctypes.PyDLL(None).sleep(int(-seconds))  # holds Python's lock, as a library that hangs may
        while seconds == HANG:
            pass
        time.sleep(max(0.0, seconds))
        return [os.getpid()] * len(model_input)


HANG = 1000.0
"""
HANG = 1000.0


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, np.ndarray]:
    generator = np.random.default_rng(7)
    features = pd.DataFrame(generator.normal(size=(400, 3)), columns=["age", "income", "visits"])
    return features, (features["age"] + features["income"] > 0).to_numpy().astype(int)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, data: tuple[pd.DataFrame, np.ndarray]) -> Path:
    """Return a folder whose store has two versions of a model; the second one answers with the other class."""
    folder = tmp_path_factory.mktemp("served")
    autotrack.enable(to=str(folder / ".autotrack"), only=["sklearn"], log_system_metrics=False, capture=[])
    try:
        for labels in (data[1], 1 - data[1]):
            with autotrack.start_run():
                model = LogisticRegression().fit(data[0], labels)
                uri = autotrack.models.log(model, "churn", inputs=data[0], outputs=labels)
            autotrack.flush(60)
            registry.register(uri, "churn")
        registry.set_alias("churn", "live", 1)
    finally:
        autotrack.disable()
    return folder


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[ScoringServer]:
    with scoring_server("models:/churn@live", "--workers", "2", "--record", "--max-body", "1", folder=home) as running:
        yield running


def rows(data: tuple[pd.DataFrame, np.ndarray], count: int = 5) -> dict[str, Any]:
    return {"dataframe_split": data[0].head(count).to_dict(orient="split")}


def test_answers_and_refusals(server: ScoringServer, data: tuple[pd.DataFrame, np.ndarray]) -> None:
    first = server.predict(rows(data))
    assert set(first) <= {0, 1}
    assert server.predict(data[0].head(5).to_csv(index=False), "text/csv") == first
    assert server.send("GET", "/ping") == (200, "\n")
    assert server.send("GET", "/health") == (200, "\n")
    assert server.send("GET", "/version") == (200, autotrack.__version__)
    status, answer = server.post({"dataframe_records": [{"age": 1.0, "incom": 2.0, "visits": 3.0}]})
    assert (status, answer["column"]) == (400, "income")
    assert "did you mean 'incom'?" in answer["message"]
    status, answer = server.post({"dataframe_records": [{"age": "old", "income": 2.0, "visits": 3.0}]})
    assert (status, answer["column"]) == (400, "age")
    assert server.post(b"x", "text/plain")[0] == 415
    assert server.post(b" " * 2_000_000)[0] == 413
    assert server.send("GET", "/invocations")[0] == 405
    assert server.send("GET", "/nothing")[0] == 404
    assert server.post(rows(data), host="evil.example")[0] == 421


def test_mlflows_own_client(server: ScoringServer, data: tuple[pd.DataFrame, np.ndarray]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow warns about its own type hints
        from mlflow.pyfunc.scoring_server.client import ScoringServerClient
    client = ScoringServerClient("127.0.0.1", server.port)
    client.wait_server_ready()
    assert client.get_version() == autotrack.__version__
    predictions = client.invoke(data[0].head(5)).get_predictions()
    assert predictions[0].tolist() == server.predict(rows(data))
    assert client.invoke(data[0].head(5), params={"unknown": 1})["predictions"] == predictions[0].tolist()
    with pytest.raises(Exception, match=r"column 'age' .* is missing"):
        client.invoke(data[0][["income"]])


def test_parameters_that_the_model_does_not_have_are_named(
    server: ScoringServer, data: tuple[pd.DataFrame, np.ndarray]
) -> None:
    with contextlib.closing(server.connect()) as connection:
        body = json.dumps({**rows(data), "params": {"temperature": 1}})
        connection.request("POST", "/invocations", body, {"content-type": "application/json"})
        response = connection.getresponse()
        response.read()
    assert response.status == 200
    assert response.headers["x-autotrack-ignored-params"] == "temperature"


def test_a_body_of_unknown_length_is_limited_too(server: ScoringServer) -> None:
    with contextlib.closing(server.connect()) as connection:
        pieces = iter([b" " * 100_000] * 30)
        connection.request("POST", "/invocations", pieces, {"content-type": "application/json"})
        assert connection.getresponse().status == 413


def test_metrics_add_up_all_workers(server: ScoringServer, data: tuple[pd.DataFrame, np.ndarray]) -> None:
    def counted() -> tuple[float, float]:
        text = server.send("GET", "/metrics")[1]
        samples = {
            (sample.name, sample.labels.get("code") or sample.labels.get("le")): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert samples["autotrack_request_seconds_bucket", "+Inf"] == samples["autotrack_request_seconds_count", None]
        return samples["autotrack_requests_total", "200"], samples["autotrack_rows_total", None]

    before = counted()
    for _ in range(20):
        server.predict(rows(data, 3))
    assert counted() == (before[0] + 20, before[1] + 60)


def load(server: ScoringServer, body: Any, stop: threading.Event) -> list[list[Any]]:
    """Send requests from 4 clients that keep their connections, and from 4 that open one for each request."""

    def send(keep: bool) -> list[Any]:
        answers = []
        connection = server.connect()
        while not stop.is_set():
            status, answer = exchange(connection, "POST", "/invocations", body)
            assert status == 200, answer
            answers.append(answer["predictions"])
            time.sleep(0.005)  # the new workers need some of the processor to start
            if not keep:
                connection.close()
                connection = server.connect()
        connection.close()
        return answers

    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(send, at % 2 == 0) for at in range(8)]
        return [future.result() for future in found]


@pytest.mark.slow
def test_a_restart_under_load_loses_nothing_and_serves_the_new_version(
    server: ScoringServer, home: Path, data: tuple[pd.DataFrame, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    body = json.dumps(rows(data))
    first = server.predict(body)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(load, server, body, stop)
        before = server.workers()
        registry.set_alias("churn", "live", 2)
        server.restart()
        registry.set_alias("churn", "live", 1)
        time.sleep(0.5)
        stop.set()
        found = answers.result(60)
    other = [1 - label for label in first]
    assert all(found)
    seen = [answer for answers_of_one in found for answer in answers_of_one]
    assert first in seen
    assert other in seen
    assert all(answer in (first, other) for answer in seen)
    assert not set(before) & set(server.workers())
    assert server.predict(body) == other


def test_a_restart_that_fails_changes_nothing(
    server: ScoringServer, home: Path, data: tuple[pd.DataFrame, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    before = server.workers()
    registry.delete_alias("churn", "live")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for(lambda: "not restarted" in server.log)
    registry.set_alias("churn", "live", 1)
    assert server.workers() == before
    assert server.predict(rows(data))


def test_a_worker_that_dies_is_replaced(server: ScoringServer, data: tuple[pd.DataFrame, np.ndarray]) -> None:
    victim = server.workers()[0]
    os.kill(victim, signal.SIGKILL)
    server.wait_for(lambda: f"worker {victim} ended with status -9" in server.log)
    server.wait_for(lambda: len(server.workers()) == 2)
    assert server.predict(rows(data))


def test_the_end_leaves_a_monitoring_run(
    server: ScoringServer, home: Path, data: tuple[pd.DataFrame, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Last on purpose: it ends the server of the module."""
    server.predict(rows(data, 200))
    for _ in range(3):  # of earlier ones a worker that was killed may have taken the number with it
        assert server.post({"dataframe_records": [{"age": "old", "income": 2.0, "visits": 3.0}]})[0] == 400
    children = server.workers()
    assert server.stop() == 0
    assert not any(map(psutil.pid_exists, children))
    monkeypatch.chdir(home)
    runs = autotrack.search_runs('tags."autotrack.served_uri" = "models:/churn@live"', experiment="monitoring")
    assert {run.status for run in runs} == {"finished"}
    assert sum(point.value for run in runs for point in run.metric_history("errors")) >= 3
    assert all(run.metrics["latency_ms_p50"] > 0 for run in runs)
    sample = runs[0].download("samples/000001.jsonl").read_text().splitlines()
    assert json.loads(sample[0])["inputs"].keys() == {"age", "income", "visits"}
    assert set(json.loads(sample[0])["predictions"]) == {"prediction"}
    command = [sys.executable, "-m", "autotrack", "models", "monitor", "models:/churn@live"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=home).stdout
    assert "income" in told
    assert "prediction" in told
    report = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)
    assert {drift["column"] for drift in report["columns"]} == {"age", "income", "visits", "prediction"}
    assert report["rows"] > report["sampled"] > 100


@pytest.fixture(scope="module")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slow")
    (folder / "slow_model.py").write_text(SLOW)
    sys.path.insert(0, str(folder))
    try:
        from slow_model import Slow  # type: ignore[import-not-found]

        inputs = pd.DataFrame({"seconds": [0.5]})
        autotrack.models.save(Slow(), folder / "model", inputs=inputs, code=[folder / "slow_model.py"])
    finally:
        sys.path.remove(str(folder))
    return folder / "model"


@pytest.fixture(scope="module")
def slow_server(slow_model: Path) -> Iterator[ScoringServer]:
    with scoring_server(str(slow_model), "--trust", "--timeout", "3", folder=slow_model.parent) as running:
        yield running


def seconds(duration: float) -> dict[str, Any]:
    return {"dataframe_records": [{"seconds": duration}]}


def test_a_request_that_takes_too_long_does_not_block_the_others(slow_server: ScoringServer) -> None:
    with ThreadPoolExecutor(2) as pool:
        long = pool.submit(slow_server.post, seconds(6.0))
        time.sleep(1)
        assert slow_server.send("GET", "/ping")[0] == 200
        assert long.result()[0] == 504
        assert slow_server.post(seconds(0.1))[0] == 200


def test_the_end_waits_for_what_is_under_way(slow_server: ScoringServer) -> None:
    """Last on purpose: it ends the server of the module."""
    with ThreadPoolExecutor(4) as pool:
        under_way = [pool.submit(slow_server.post, seconds(0.5)) for _ in range(4)]
        time.sleep(0.3)
        assert slow_server.stop() == 0
        assert [future.result()[0] for future in under_way] == [200] * 4


@pytest.mark.slow
@pytest.mark.parametrize("duration", [HANG, -HANG], ids=["in a loop", "with Python's lock"])
def test_a_worker_that_hangs_is_replaced(slow_model: Path, duration: float) -> None:
    options = ("--trust", "--timeout", "4", "--workers", "2")
    with scoring_server(str(slow_model), *options, folder=slow_model.parent) as server, ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(hang, server, duration)
        answers = []
        deadline = time.monotonic() + 100
        while "starting another" not in server.log and time.monotonic() < deadline:
            answers.append(server.post(seconds(0.01)))
        assert "hangs: a prediction does not come back; starting another in 1 s" in server.log
        assert hanging.result(20) == (504 if duration > 0 else "closed")
        statuses = [status for status, _ in answers]
        assert {*statuses, 504} == {200, 504}  # one that waited behind it may have run out of time, too
        assert statuses.count(200) > len(statuses) / 2
        while len(pids := {server.post(seconds(0.01))[1]["predictions"][0] for _ in range(20)}) < 2:
            assert time.monotonic() < deadline
        assert len(pids) == 2
        assert server.stop() == 0


def hang(server: ScoringServer, duration: float) -> int | str:
    """Return what becomes of a request that is never answered by the model."""
    try:
        return server.post(seconds(duration))[0]
    except OSError:
        return "closed"


def test_what_cannot_be_served_is_told(tmp_path: Path, home: Path) -> None:
    command = [sys.executable, "-m", "autotrack", "models", "serve", "--port", "0"]
    missing = subprocess.run([*command, "nowhere"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "there is no model folder at" in missing.stderr
