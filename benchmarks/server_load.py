"""Many clients that log at once into a server on PostgreSQL: is anything lost, and how long does one wait.

Each client sends batches of points to a run of its own, one after the other, as a training does that logs all the time.
At the end every point is counted on the server. Clients are threads of several processes, on the machine of the server.

    python benchmarks/server_load.py [--clients 64] [--seconds 60] [--workers 2] [--points 100]
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from postgres_cluster import new_database
from team_server import ask, new_run, team_server

PROCESSES = 4
KEYS = 10
EPOCH = 1_700_000_000_000


def clients(port: int, runs: list[str], seconds: float, points: int) -> dict[str, list[Any]]:
    """Let some clients log for a while; return the seconds of each request, and the points that were taken by run."""
    times: list[float] = []
    taken: dict[str, int] = {}
    errors: list[str] = []

    def work(run_id: str) -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        end, step = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            metrics = [
                {"key": f"m{at % KEYS}", "value": step + at / 7, "timestamp": EPOCH + step, "step": step + at // KEYS}
                for at in range(points)
            ]
            body = json.dumps({"run_id": run_id, "metrics": metrics})
            start = time.perf_counter()
            line.request("POST", "/api/2.0/mlflow/runs/log-batch", body, {"content-type": "application/json"})
            reply = line.getresponse()
            text = reply.read()
            times.append(time.perf_counter() - start)
            if reply.status == 200:
                step += points // KEYS
                taken[run_id] = taken.get(run_id, 0) + points
            else:
                errors.append(f"{reply.status} {text[:200]!r}")
        line.close()

    threads = [threading.Thread(target=work, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"times": times, "taken": list(taken.items()), "errors": errors}


def count(url: str, run_id: str) -> int:
    """Count the points of a run on the server."""
    total = 0
    for key in range(KEYS):
        query = f"run_id={run_id}&metric_key=m{key}&max_results=1000000"
        total += len(ask(url, "GET", f"/api/2.0/mlflow/metrics/get-history?{query}")[1].get("metrics", []))
    return total


def database_bytes(store: str) -> int:
    """Ask PostgreSQL how large the database is."""
    import psycopg

    with psycopg.connect(store) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0


def main() -> None:
    """Start a server, let the clients log, count, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--points", type=int, default=100, help="in one batch")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, new_database() as store:
        server = team_server(Path(folder), "--no-login", "--workers", str(options.workers), store=store)
        with server as url, multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
            runs = [new_run(url) for _ in range(options.clients)]
            before = database_bytes(store)
            port = int(url.rpartition(":")[2])
            shares = [(port, runs[at::PROCESSES], options.seconds, options.points) for at in range(PROCESSES)]
            found = pool.starmap(clients, shares)
            report(url, store, before, options.seconds, found)


def report(url: str, store: str, before: int, seconds: float, found: list[dict[str, list[Any]]]) -> None:
    """Print waits, points a second, what was lost, and bytes a point."""
    times = sorted(one for part in found for one in part["times"])
    taken = {run: points for part in found for run, points in part["taken"]}
    errors = [error for part in found for error in part["errors"]]
    total = sum(taken.values())
    lost = sum(points - count(url, run) for run, points in taken.items())
    print(f"{len(times):,} batches, {total:,} points: {total / seconds:,.0f} points a second")
    for share in (0.5, 0.95, 0.99, 1.0):
        print(f"p{share * 100:g}: {times[min(int(share * len(times)), len(times) - 1)] * 1000:.0f} ms")
    print(f"refused: {len(errors)} {errors[:1]}; lost: {lost}")
    print(f"bytes a point: {(database_bytes(store) - before) / total:.1f}")


if __name__ == "__main__":
    main()
