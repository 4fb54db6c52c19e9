"""Our tracking server beside `mlflow server`, in one run: batches of metrics, runs, a search over many, files.

Both serve the same requests of the same clients, each as one process on SQLite, or on PostgreSQL with `--postgresql`;
they take turns, so that a busy machine slows both. What counts are the ratios. Requests are sent as plain HTTP; with
MLflow's own client, which spends more time than a server does, runs and searches are measured once more. `nothing` is a
server that has these answers ready and stores nothing: what it reaches is all that these clients can do, and `beyond`
is the ratio of the times that the two servers add to that. Small files come over 8 connections of one thread, and files
are kept in memory; `light_client.py` and `in_memory.py` say why.

    python benchmarks/server.py [--postgresql] [--runs 10000] [--rounds 3] [--only search]

The runs that are searched are made over HTTP in our server, and copied in MLflow's database.
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

from canned_server import canned_server
from in_memory import folder_in_memory
from light_client import puts, seconds_for
from mlflow_rows import copy_runs
from mlflow_server import mlflow_server
from postgres_cluster import new_database
from team_server import team_server

API = "/api/2.0/mlflow/"
CLIENTS = 4


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


def fill_many(url: str, experiment: str, count: int) -> None:
    """Make many runs."""

    def work(client: Client, worker: int) -> None:
        for number in range(worker, count, CLIENTS):
            fill(client, client.new_run(experiment, number), number)

    in_parallel(url, work)


def searches_a_second(url: str, experiment: str) -> float:
    """Read all runs that pass a filter which most pass, sorted by a metric, in pages of 1,000."""
    start = time.perf_counter()
    pages(url, experiment)
    return 1 / (time.perf_counter() - start)


def pages(url: str, experiment: str) -> dict[str, dict[str, Any]]:
    """Search, and return all pages by the token that asks for each."""
    client, token, found = Client(url), "", {}
    query = {"experiment_ids": [experiment], "filter": "metrics.m0 >= 0", "order_by": ["metrics.m1 DESC"]}
    while True:
        page = found[token] = client.post("runs/search", {**query, "max_results": 1000, "page_token": token})
        token = page.get("next_page_token", "")
        if not token:
            return found


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


def large_files(url: str, experiment: str, count: int = 2, size: int = 50_000_000) -> float:
    """Upload large files; return how many a second."""
    content = os.urandom(size)

    def work(client: Client, _: int) -> None:
        place = new_place(url, experiment)
        for number in range(count):
            client.send("PUT", f"{place}/{number}.bin", content)

    return CLIENTS * count / in_parallel(url, work)


def small_files(url: str, experiment: str, count: int = 60, size: int = 10_000, lines: int = 8) -> float:
    """Upload small files over several connections, each to a run of its own; return how many a second."""
    content = os.urandom(size)
    places = [new_place(url, experiment) for _ in range(lines)]
    return lines * count / seconds_for(url, [puts(url, place, content, count) for place in places])


def new_place(url: str, experiment: str) -> str:
    """Make a run, and return the path of a folder of its files."""
    return f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{Client(url).new_run(experiment)}/artifacts/files"


def measures(url: str, experiment: str, many: str) -> dict[str, Callable[[], float]]:
    """Return what is measured of one server."""
    return {
        "metrics a second": lambda: metrics_a_second(url, experiment),
        "runs a second": lambda: runs_a_second(url, experiment),
        "runs a second, its client": lambda: runs_by_client(url, experiment),
        "searches of all runs a second": lambda: searches_a_second(url, many),
        "searches a second, its client": lambda: searches_by_client(url, many),
        "small files a second": lambda: small_files(url, experiment),
        "large files a second": lambda: large_files(url, experiment),
    }


@contextmanager
def servers(runs: int, *, postgresql: bool) -> Iterator[dict[str, dict[str, Callable[[], float]]]]:
    """Run the servers with what is searched in them; give what is measured of each."""
    with ExitStack() as stack:
        ours, theirs, nothing = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(3))
        kept = [stack.enter_context(folder_in_memory()) for _ in range(2)]
        databases = [stack.enter_context(new_database()) for _ in range(2 * postgresql)]
        store = databases[0] if postgresql else ""
        database = databases[1].replace("postgresql:", "postgresql+psycopg:") if postgresql else ""
        backend = ("--backend-store-uri", database) if postgresql else ()
        urls = {
            "autotrack": stack.enter_context(team_server(ours, "--no-login", "--artifacts", str(kept[0]), store=store)),
            "mlflow": stack.enter_context(
                mlflow_server(theirs, *backend, destination=str(kept[1]), variables={"TMPDIR": str(kept[1])})
            ),
        }
        places = {name: [new_experiment(url, word) for word in ("bench", "many")] for name, url in urls.items()}
        fill_many(urls["autotrack"], places["autotrack"][1], runs)
        client, many = Client(urls["mlflow"]), places["mlflow"][1]
        fill(client, run_id := client.new_run(many), 0)
        copy_runs(database or f"sqlite:///{theirs}/mlflow.db", run_id, runs - 1)
        urls["nothing"] = stack.enter_context(canned_server(nothing, answers(urls["autotrack"], *places["autotrack"])))
        places["nothing"] = places["autotrack"]
        yield {name: measures(url, *places[name]) for name, url in urls.items()}


def new_experiment(url: str, name: str) -> str:
    """Make an experiment."""
    return str(Client(url).post("experiments/create", {"name": name})["experiment_id"])


def answers(url: str, experiment: str, many: str) -> dict[str, dict[str, str]]:
    """Return what a server answers to the requests of the measures."""
    client = Client(url)
    run = client.post("runs/create", {"experiment_id": experiment, "start_time": 1})
    ended = client.post("runs/update", {"run_id": run["run"]["info"]["run_id"], "status": "FINISHED", "end_time": 2})
    found = {token: json.dumps(page) for token, page in pages(url, many).items()}
    return {"runs/create": {"": json.dumps(run)}, "runs/update": {"": json.dumps(ended)}, "runs/search": found}


def main() -> None:
    """Measure the servers in turns, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--runs", type=int, default=10_000, help="runs that are searched")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="measure only that whose name has this")
    options = parser.parse_args()
    found: dict[str, dict[str, list[float]]] = {}
    with servers(options.runs, postgresql=options.postgresql) as measured:
        for _ in range(options.rounds):
            for name, work in measured.items():
                for what, measure in work.items():
                    if options.only in what:
                        found.setdefault(what, {}).setdefault(name, []).append(measure())
    print(f"{'':32}{'autotrack':>12}{'mlflow':>12}{'ratio':>8}{'nothing':>12}{'beyond':>8}")
    for what, rates in found.items():
        ours, theirs, nothing = (statistics.median(rates[name]) for name in ("autotrack", "mlflow", "nothing"))
        added = 1 / ours - 1 / nothing
        beyond = f"{(1 / theirs - 1 / nothing) / added:8.1f}" if added > 0 else f"{'-':>8}"
        print(f"{what:32}{ours:12.2f}{theirs:12.2f}{ours / theirs:8.1f}{nothing:12.2f}{beyond}")


if __name__ == "__main__":
    main()
