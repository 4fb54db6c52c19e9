"""A model over HTTP: 1,000 requests by 8 clients to `autotrack models serve`, and to `mlflow models serve`, in one run.

    python benchmarks/serving.py [--requests 1000] [--clients 8] [--rows 5] [--rounds 3]

Both serve the same folder (a scikit-learn pipeline of 30 columns) with one worker, both are running all the time, and
take turns. Then autotrack's workers are replaced in the middle of the requests (SIGHUP), and what was lost is counted.
Clients are threads of this process with one connection each. "cpu" is the processor time of the server's processes for
each request, "client" that of a client: on a busy machine the former is the figure to compare.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Start both servers, measure them in turn, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rows", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests"))
    from scoring_server import scoring_server

    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        body = save_model(folder / "model", options.rows)
        ours = stack.enter_context(scoring_server(str(folder / "model"), folder=folder))
        theirs, port = stack.enter_context(mlflow_server(folder))
        servers = {"autotrack": (ours.process.pid, ours.port), "mlflow": (theirs, port)}
        found: dict[str, list[dict[str, float]]] = {server: [] for server in servers}
        for number in range(options.rounds + 1):
            for server, (pid, port) in servers.items():
                before = processor_seconds(pid)
                measured = measure(port, body, options.requests, options.clients)
                measured["cpu"] = (processor_seconds(pid) - before) / options.requests * 1e3
                if number:  # the first round warms up
                    found[server].append(measured)
        print_table(found)
        restart = threading.Timer(0.3, ours.restart)
        restart.start()
        lost = measure(ours.port, body, 5 * options.requests, options.clients)["lost"]
        restart.join()
        print(f"\nlost of {5 * options.requests:,} requests while all workers were replaced: {lost:.0f}")


def save_model(path: Path, rows: int) -> bytes:
    """Save a pipeline; return a request of some rows."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    import autotrack.models

    features, labels = load_breast_cancer(return_X_y=True, as_frame=True)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(features, labels)
    autotrack.models.save(model, path, inputs=features, outputs=model.predict(features))
    return json.dumps({"dataframe_split": features.head(rows).to_dict(orient="split")}).encode()


@contextlib.contextmanager
def mlflow_server(folder: Path) -> Iterator[tuple[int, int]]:
    """Run `mlflow models serve` on a free port, with one worker; give its process and the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [str(Path(sys.executable).with_name("mlflow")), "models", "serve", "-m", str(folder / "model")]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with (folder / "mlflow.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--env-manager", "local", "-p", str(port)],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 180
        while not answers(port):
            assert time.monotonic() < deadline, (folder / "mlflow.log").read_text()
            time.sleep(0.2)
        yield process.pid, port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def processor_seconds(pid: int) -> float:
    """Return what a server's processes have used of the processor."""
    server = psutil.Process(pid)
    return sum(sum(process.cpu_times()[:2]) for process in (server, *server.children(recursive=True)))


def answers(port: int) -> bool:
    """Say whether a server is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def measure(port: int, body: bytes, requests: int, clients: int) -> dict[str, float]:
    """Send requests from several clients at once; return the rate, latencies and what was lost."""
    seconds: list[float] = []
    lost: list[Any] = []

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(requests // clients):
            started = time.perf_counter()
            try:
                connection.request("POST", "/invocations", body, {"content-type": "application/json"})
                response = connection.getresponse()
                content = response.read()
                if response.status != 200 or b"predictions" not in content:
                    lost.append(content)
            except (OSError, http.client.HTTPException) as error:
                lost.append(error)
                connection.close()
            seconds.append(time.perf_counter() - started)
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    started, processor = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = time.perf_counter() - started
    ordered = sorted(seconds)
    return {
        "rate": len(seconds) / total,
        "p50": ordered[len(ordered) // 2] * 1e3,
        "p99": ordered[int(len(ordered) * 0.99)] * 1e3,
        "client": (time.process_time() - processor) / len(seconds) * 1e3,
        "lost": len(lost),
    }


def print_table(found: dict[str, list[dict[str, float]]]) -> None:
    """Print the median of the rounds, and how many times MLflow's rate ours is in each."""
    print(f"{'server':12}{'requests/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'cpu ms':>9}{'client ms':>11}{'lost':>7}")
    for server, rounds in found.items():
        middle = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
        lost = sum(one["lost"] for one in rounds)
        print(f"{server:12}{middle['rate']:12.0f}{middle['p50']:10.1f}{middle['p99']:10.1f}", end="")
        print(f"{middle['cpu']:9.2f}{middle['client']:11.2f}{lost:7.0f}")
    rounds = list(zip(found["autotrack"], found["mlflow"], strict=True))
    for title, key, sign in (("rate", "rate", 1), ("processor time of the server", "cpu", -1)):
        ratios = ", ".join(f"{(ours[key] / theirs[key]) ** sign:.2f}" for ours, theirs in rounds)
        print(f"times better than MLflow by round, {title}: {ratios}")


if __name__ == "__main__":
    main()
