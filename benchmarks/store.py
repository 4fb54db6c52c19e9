"""Measure the embedded store against its targets, beside a bare `executemany` of the same rows in the same run.

Run: python benchmarks/store.py --points 1000000
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from autotrack.backends import BackendContext
from autotrack.backends.sql import SqlBackend
from autotrack.records import MetricsLogged, Param, ParamsLogged, Record, RunEnded, RunStarted, TagsSet
from autotrack.store import Store

KEYS = 10
SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
PLAIN = "CREATE TABLE point (series INTEGER, step INTEGER, time INTEGER, value REAL)"
KEYED = PLAIN.replace(")", ", PRIMARY KEY (series, step, time)) WITHOUT ROWID")


def main() -> None:
    """Run all parts and print one line for each target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000, help="points written, and length of the long series")
    parser.add_argument("--runs", type=int, default=10_000, help="runs searched")
    parser.add_argument("--batch", type=int, default=100, help="records in a batch, each of ten metrics")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        measure_writing(Path(directory), arguments.points, arguments.batch)
        measure_reading(Path(directory), arguments.points)
        measure_search(Path(directory), arguments.runs)


def measure_writing(directory: Path, points: int, batch: int) -> None:
    """Write the same points as records and as bare rows, taking turns within one run of the program."""
    records = list(epochs("written", points // KEYS))
    batches = [records[at : at + batch] for at in range(0, len(records), batch)]
    rows = [
        [(key, r.step, r.time, value) for r in some for key, value in enumerate(r.metrics.values())] for some in batches
    ]
    with sql_backend(directory / "written") as backend:
        backend.write([started("written")])
        ours = seconds_of(lambda: [backend.write(some) for some in batches])
        backend.write([ended("written")])
    plain, keyed = (seconds_of(lambda ddl=ddl: write_bare(directory, ddl, rows)) for ddl in (PLAIN, KEYED))
    size = (directory / "written" / "store.db").stat().st_size
    n = len(records) * KEYS
    print(f"write: {n / ours:,.0f} points/s in batches of {batch * KEYS} points")
    print(f"  bare executemany, no index: {n / plain:,.0f}/s, ratio {plain / ours:.2f} (target 0.5)")
    print(f"  bare executemany, keyed:    {n / keyed:,.0f}/s, ratio {keyed / ours:.2f} (target 0.5)")
    print(f"  size: {size / n:.1f} bytes a point (target 30)")


def measure_reading(directory: Path, points: int) -> None:
    """Read one long series whole, and downsampled."""
    values = random.Random(1)  # noqa: S311
    records = [
        MetricsLogged(
            time=START + step * SECOND // 100 + values.randrange(10**6),
            run_id="long",
            writer="long",
            seq=step + 1,
            metrics={"loss": values.random()},
            step=step,
        )
        for step in range(points)
    ]
    with sql_backend(directory / "long") as backend:
        backend.write([started("long")])
        seconds = seconds_of(lambda: [backend.write(records[at : at + 1000]) for at in range(0, points, 1000)])
    print(f"one series of {points:,} points: written at {points / seconds:,.0f} points/s")
    with Store.open(directory / "long") as store:
        whole = median_seconds(lambda: store.metric_history("long", "loss"))
        drawn = median_seconds(lambda: store.downsample("long", "loss", 1000))
    print(f"  read whole: {whole * 1e3:.1f} ms (target 300)")
    print(f"  downsampled to 1,000: {drawn * 1e3:.2f} ms (target 10)")


def measure_search(directory: Path, runs: int) -> None:
    """Read a page of 100 runs with 150 keys each, filtered and sorted on a metric."""
    values = random.Random(2)  # noqa: S311
    with sql_backend(directory / "many") as backend:
        for at in range(0, runs, 100):
            backend.write([record for run in range(at, min(at + 100, runs)) for record in filled_run(run, values)])
    with Store.open(directory / "many") as store:
        for name, condition, order in (
            ("filter keeps half", "metrics.metric_7 > 0.5", "metrics.metric_7 desc"),
            ("filter keeps all", "metrics.metric_7 > 0", "metrics.metric_7 desc"),
            ("params, tags and regex", 'params.param_3 < 0.5 and tags.team = "b" and name ~ "7$"', "metrics.metric_7"),
        ):
            page = median_seconds(lambda c=condition, o=order: store.search(c, order_by=o, limit=100))
            bare = median_seconds(
                lambda c=condition, o=order: store.search(c, order_by=o, limit=100, with_values=False)
            )
            print(
                f"page of 100 of {runs:,} runs, {name}: {page * 1e3:.1f} ms (target 50), no values {bare * 1e3:.1f} ms"
            )


def filled_run(number: int, values: random.Random) -> list[Record]:
    """Return the records of a run with 150 keys."""
    name = f"run{number:029d}"
    metrics = {f"metric_{key}": values.random() for key in range(100)}
    params = {f"param_{key}": Param(repr(values.random()), "float") for key in range(40)}
    tags: dict[str, str | None] = {f"tag_{key}": str(key) for key in range(9)}
    place = {"run_id": name, "time": START + number * SECOND}
    return [
        RunStarted(name=f"run-{number}", experiment="e", tags={"team": "abc"[number % 3]}, writer=name, seq=1, **place),
        ParamsLogged(params=params, writer=name, seq=2, **place),
        MetricsLogged(metrics=metrics, writer=name, seq=3, **place),
        TagsSet(tags=tags, writer=name, seq=4, **place),
        RunEnded(status="finished", writer=name, seq=5, **place),
    ]


def epochs(run_id: str, steps: int) -> Iterator[MetricsLogged]:
    """Yield a record for each step, each with a value of every one of `KEYS` metrics."""
    values = random.Random(0)  # noqa: S311
    for step in range(steps):
        metrics = {f"metric_{key}": values.random() for key in range(KEYS)}
        time_ = START + step * SECOND // 100 + values.randrange(10**6)
        yield MetricsLogged(time=time_, run_id=run_id, writer=run_id, seq=step + 1, metrics=metrics, step=step)


def started(run_id: str) -> RunStarted:
    """Return the first record of a run."""
    return RunStarted(time=START, run_id=run_id, writer=run_id, name=run_id, experiment="benchmark")


def ended(run_id: str) -> RunEnded:
    """Return the last record of a run."""
    return RunEnded(time=START, run_id=run_id, writer=run_id, seq=2**40, status="finished")


@contextmanager
def sql_backend(directory: Path) -> Iterator[SqlBackend]:
    """Write into the embedded store in a directory; all of it is there at the end."""
    backend = SqlBackend(directory, BackendContext(directory, directory / "artifacts"))
    yield backend
    backend.flush()
    backend.close()


def write_bare(directory: Path, ddl: str, batches: Sequence[Sequence[tuple[int, int, int, float]]]) -> None:
    """Write points into a table with nothing but the driver."""
    connection = sqlite3.connect(directory / f"bare{len(ddl)}.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(ddl)
    for rows in batches:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO point VALUES (?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    connection.close()


def seconds_of(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def median_seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes, the middle of nine times."""
    return statistics.median(seconds_of(action) for _ in range(9))


if __name__ == "__main__":
    main()
