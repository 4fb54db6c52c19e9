"""Points and short runs into a real MLflow server: autotrack beside MLflow's own client, in one run.

    python benchmarks/mlflow_server.py [--points 50000] [--runs 100] [--trackers autotrack mlflow-batch mlflow …]

Each tracker logs from a process of its own into the same server (SQLite, one worker, loopback), one after the other.
"Training thread" is the time that the program spends in log calls; "total" ends when the server has everything, which
is then counted there. `mlflow` is the client as documented (`mlflow.log_metric`), `mlflow-async` the same with
`synchronous=False`, and `mlflow-batch` the fastest way it has: the program itself collects 900 points for each
`MlflowClient.log_batch`. A call of `log_metric` takes 5 to 20 ms, so all 50,000 take many minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TRACKERS = ("autotrack", "mlflow-batch", "mlflow", "mlflow-async")
STEPS_OF_A_SHORT_RUN = 10


def main() -> None:
    """Start a server, let all trackers log into it, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--trackers", nargs="+", choices=TRACKERS, default=TRACKERS[:3])
    parser.add_argument("--child", choices=TRACKERS)
    parser.add_argument("--url")
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child, options.url, options.points, options.runs)))
        return
    sys.path.insert(0, str(ROOT / "tests"))
    from mlflow_server import mlflow_server

    with tempfile.TemporaryDirectory() as folder, mlflow_server(Path(folder)) as url:
        found = {}
        for tracker in options.trackers:
            found[tracker] = in_a_process(tracker, url, options.points, options.runs)
            found[tracker] |= counts(url, tracker)
    print_table(found, options.points, options.runs)


def in_a_process(tracker: str, url: str, points: int, runs: int) -> dict[str, float]:
    """Measure one tracker in a new process and an empty directory."""
    command = [sys.executable, __file__, "--child", tracker, "--url", url]
    with tempfile.TemporaryDirectory() as directory:
        result = subprocess.run(
            [*command, "--points", str(points), "--runs", str(runs)],
            cwd=directory,
            env={**os.environ, "AUTOTRACK_TESTING": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode:
        sys.exit(f"{tracker} failed:\n{result.stderr[-4000:]}")
    found: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return found


def measure(tracker: str, url: str, points: int, runs: int) -> dict[str, float]:
    """Return seconds on the training thread and in total, for many points and for many runs."""
    log, finish = (use_autotrack if tracker == "autotrack" else use_mlflow)(tracker, url)
    log("warm-up", 1)
    finish()
    found = {}
    for name, work in (("points", [points]), ("runs", [STEPS_OF_A_SHORT_RUN] * runs)):
        started = time.perf_counter()
        for at, steps in enumerate(work):
            log(f"{name}-{at}", steps)
        found[f"{name}_thread"] = time.perf_counter() - started
        finish()
        found[f"{name}_total"] = time.perf_counter() - started
    return found


def use_autotrack(tracker: str, url: str) -> tuple[Callable[[str, int], None], Callable[[], Any]]:
    """Return what logs a run of so many steps, and what waits until all is on the server."""
    import autotrack

    autotrack.enable(to=url, experiment=tracker, log_system_metrics=False, capture=[])

    def log(name: str, steps: int) -> None:
        with autotrack.start_run(name) as run:
            run.log_params({"C": 0.5, "solver": "lbfgs", "max_iter": 100})
            for step in range(steps):
                run.log_metric("loss", 1.0 / (step + 1), step)

    return log, autotrack.flush


def use_mlflow(tracker: str, url: str) -> tuple[Callable[[str, int], None], Callable[[], Any]]:
    """The same with MLflow's own client."""
    import mlflow

    mlflow.set_tracking_uri(url)
    mlflow.set_experiment(tracker)
    wait = tracker == "mlflow"
    if tracker == "mlflow-batch":
        return log_in_batches, lambda: None

    def log(name: str, steps: int) -> None:
        with mlflow.start_run(run_name=name):
            mlflow.log_params({"C": 0.5, "solver": "lbfgs", "max_iter": 100})
            for step in range(steps):
                mlflow.log_metric("loss", 1.0 / (step + 1), step=step, synchronous=wait)

    return log, (mlflow.flush_async_logging if tracker == "mlflow-async" else lambda: None)


def log_in_batches(name: str, steps: int) -> None:
    """Log a run with as few requests as MLflow's client can."""
    import mlflow
    from mlflow.entities import Metric, Param

    params = [Param("C", "0.5"), Param("solver", "lbfgs"), Param("max_iter", "100")]
    with mlflow.start_run(run_name=name) as run:
        client, points = mlflow.MlflowClient(), []
        for step in range(steps):
            points.append(Metric("loss", 1.0 / (step + 1), int(time.time() * 1_000), step))
            if len(points) == 900 or step == steps - 1:
                client.log_batch(run.info.run_id, points, params)
                points, params = [], []


def counts(url: str, tracker: str) -> dict[str, float]:
    """Count what the server has of a tracker."""
    from mlflow import MlflowClient

    client = MlflowClient(url)
    experiment = client.get_experiment_by_name(tracker).experiment_id
    runs = client.search_runs([experiment], max_results=5_000)
    many = next(run for run in runs if run.info.run_name == "points-0")
    finished = [run for run in runs if run.info.run_name.startswith("runs-") and run.info.status == "FINISHED"]
    return {"points": len(client.get_metric_history(many.info.run_id, "loss")), "runs": len(finished)}


def print_table(found: dict[str, dict[str, float]], points: int, runs: int) -> None:
    """Print seconds, and how many times autotrack's each tracker takes."""
    ours = found.get("autotrack", {})
    for name, title in (("points", f"{points:,} points"), ("runs", f"{runs} runs of {STEPS_OF_A_SHORT_RUN} steps")):
        print(f"\n{title:28}{'training thread s':>20}{'x':>8}{'total s':>10}{'x':>8}{'on the server':>16}")
        for tracker, times in found.items():
            row = f"{tracker:28}"
            for part, width in (("thread", 20), ("total", 10)):
                seconds = times[f"{name}_{part}"]
                ratio = seconds / ours[f"{name}_{part}"] if ours else float("nan")
                row += f"{seconds:{width}.3f}{ratio:8.1f}"
            print(f"{row}{times[name]:16,.0f}")


if __name__ == "__main__":
    main()
