"""Our tracking server beside `mlflow server`, in one run: batches of metrics, runs, a search over many, files.

Both serve the same requests of the same clients, each as one process on SQLite, or on PostgreSQL with `--postgresql`;
they take turns, so that a busy machine slows both. What counts are the ratios. Requests are sent as plain HTTP; with
MLflow's own client, which spends more time than a server does, runs and searches are measured once more.

    python benchmarks/server.py [--postgresql] [--runs 10000]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from mlflow_server import mlflow_server
from postgres_cluster import new_database
from team_server import team_server

API = "/api/2.0/mlflow/"
ROUNDS = 3
CLIENTS = 4
MEASURES = (
    "metrics a second",
    "runs a second",
    "runs a second, its client",
    "searches of all runs a second",
    "searches a second, its client",
    "small files a second",
    "large files, MB/s",
)


class Client:
    """One connection to a server."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._line = http.client.HTTPConnection(host, int(port), timeout=600)

    def send(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send a request and return its answer."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        self._line.request(method, path, data, {"content-type": kind})
        reply = self._line.getresponse()
        text = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{method} {path}: {reply.status} {text[:300]!r}")
        answer: dict[str, Any] = json.loads(text or b"{}")
        return answer

    def post(self, path: str, body: Any) -> dict[str, Any]:
        """Send a request of the protocol."""
        return self.send("POST", API + path, body)

    def new_run(self, experiment: str, number: int = 0) -> str:
        """Make a run."""
        run = {"experiment_id": experiment, "start_time": 1_700_000_000_000 + number, "user_id": "me"}
        return str(self.post("runs/create", run)["run"]["info"]["run_id"])


def in_parallel(url: str, work: Callable[[Client, int], None]) -> float:
    """Let several clients work and return the seconds until all are done."""
    threads = [threading.Thread(target=lambda n=n: work(Client(url), n)) for n in range(CLIENTS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def metrics_a_second(url: str, experiment: str, batches: int = 15) -> float:
    """Log batches of 1,000 points of 10 metrics."""

    def work(client: Client, _: int) -> None:
        run_id = client.new_run(experiment)
        for batch in range(batches):
            points = [
                {
                    "key": f"m{at % 10}",
                    "value": at / 7,
                    "timestamp": 1_700_000_000_000 + at,
                    "step": batch * 100 + at // 10,
                }
                for at in range(1000)
            ]
            client.post("runs/log-batch", {"run_id": run_id, "metrics": points})

    return CLIENTS * batches * 1000 / in_parallel(url, work)


def runs_a_second(url: str, experiment: str, count: int = 40) -> float:
    """Make whole runs: create, log parameters, metrics and tags, end."""

    def work(client: Client, _: int) -> None:
        for number in range(count):
            fill(client, client.new_run(experiment, number), number)

    return CLIENTS * count / in_parallel(url, work)


def fill(client: Client, run_id: str, number: int) -> None:
    """Log what a small run logs, and end it."""
    batch = {
        "run_id": run_id,
        "params": [{"key": f"p{key}", "value": str(number % (key + 2))} for key in range(5)],
        "metrics": [
            {"key": f"m{key}", "value": number / (key + 1), "timestamp": 1_700_000_000_000} for key in range(5)
        ],
        "tags": [{"key": "group", "value": f"g{number % 7}"}],
    }
    client.post("runs/log-batch", batch)
    client.post("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": 1_700_000_001_000})


def fill_many(experiment: str, count: int, client: Client, worker: int) -> None:
    """Make the share of one client of many runs."""
    for number in range(worker, count, CLIENTS):
        fill(client, client.new_run(experiment, number), number)


def searches_a_second(url: str, experiment: str) -> float:
    """Read all runs that pass a filter which most pass, sorted by a metric, in pages of 1,000."""
    client = Client(url)
    start, token, found = time.perf_counter(), "", 0
    query = {"experiment_ids": [experiment], "filter": "metrics.m0 >= 0", "order_by": ["metrics.m1 DESC"]}
    while True:
        page = client.post("runs/search", {**query, "max_results": 1000, "page_token": token})
        found += len(page.get("runs", []))
        token = page.get("next_page_token", "")
        if not token:
            return 1 / (time.perf_counter() - start)


def runs_by_client(url: str, experiment: str, count: int = 15) -> float:
    """Make whole runs with MLflow's client."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag

    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"

    def work(_: Client, worker: int) -> None:
        client = MlflowClient(url)
        for number in range(worker * count, (worker + 1) * count):
            run_id = client.create_run(experiment, start_time=1_700_000_000_000 + number).info.run_id
            metrics = [Metric(f"m{key}", number / (key + 1), 1_700_000_000_000, 0) for key in range(5)]
            params = [Param(f"p{key}", str(number % (key + 2))) for key in range(5)]
            client.log_batch(run_id, metrics, params, [RunTag("group", f"g{number % 7}")])
            client.set_terminated(run_id)

    return CLIENTS * count / in_parallel(url, work)


def searches_by_client(url: str, experiment: str) -> float:
    """Read all runs with MLflow's client, as `searches_a_second` does."""
    from mlflow import MlflowClient

    client, token, start = MlflowClient(url), None, time.perf_counter()
    while True:
        page = client.search_runs(
            [experiment], "metrics.m0 >= 0", max_results=1000, order_by=["metrics.m1 DESC"], page_token=token
        )
        token = page.token
        if not token:
            return 1 / (time.perf_counter() - start)


def files(url: str, experiment: str, count: int, size: int) -> float:
    """Upload files of a size; return how many a second."""
    content = os.urandom(size)

    def work(client: Client, _: int) -> None:
        place = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{client.new_run(experiment)}/artifacts"
        for number in range(count):
            client.send("PUT", f"{place}/files/{number}.bin", content)

    return CLIENTS * count / in_parallel(url, work)


def measure(url: str, experiment: str, many: str) -> dict[str, float]:
    """Measure one server once."""
    return {
        MEASURES[0]: metrics_a_second(url, experiment),
        MEASURES[1]: runs_a_second(url, experiment),
        MEASURES[2]: runs_by_client(url, experiment),
        MEASURES[3]: searches_a_second(url, many),
        MEASURES[4]: searches_by_client(url, many),
        MEASURES[5]: files(url, experiment, 40, 10_000),
        MEASURES[6]: files(url, experiment, 2, 50_000_000) * 50,
    }


@contextmanager
def servers(*, postgresql: bool) -> Iterator[dict[str, str]]:
    """Run both servers."""
    with ExitStack() as stack:
        ours, theirs = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
        databases = [stack.enter_context(new_database()) for _ in range(2 * postgresql)]
        store = databases[0] if postgresql else ""
        backend = (
            ("--backend-store-uri", databases[1].replace("postgresql:", "postgresql+psycopg:")) if postgresql else ()
        )
        yield {
            "autotrack": stack.enter_context(team_server(ours, "--no-login", store=store)),
            "mlflow": stack.enter_context(mlflow_server(theirs, *backend)),
        }


def main() -> None:
    """Fill both servers, measure them in turns, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--runs", type=int, default=10_000, help="runs that are searched")
    options = parser.parse_args()
    with servers(postgresql=options.postgresql) as urls:
        experiments, many = {}, {}
        for name, url in urls.items():
            experiments[name] = Client(url).post("experiments/create", {"name": "bench"})["experiment_id"]
            many[name] = Client(url).post("experiments/create", {"name": "many"})["experiment_id"]
            start = time.perf_counter()
            in_parallel(
                url,
                lambda client, n, name=name: (
                    [
                        fill(client, client.new_run(many[name], number), number)
                        for number in range(n, options.runs, CLIENTS)
                    ]
                    and None
                ),
            )
            print(f"{name}: {options.runs} runs made in {time.perf_counter() - start:.1f} s", flush=True)
        found: dict[str, list[dict[str, float]]] = {name: [] for name in urls}
        for _ in range(ROUNDS):
            for name, url in urls.items():
                found[name].append(measure(url, experiments[name], many[name]))
    print(f"{'':28}{'autotrack':>12}{'mlflow':>12}{'ratio':>8}")
    for what in MEASURES:
        ours, theirs = (statistics.median(one[what] for one in found[name]) for name in ("autotrack", "mlflow"))
        print(f"{what:28}{ours:12.2f}{theirs:12.2f}{ours / theirs:8.1f}")


if __name__ == "__main__":
    main()
