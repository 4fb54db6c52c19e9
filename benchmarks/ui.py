"""Measure the web page on a store of 10,000 runs with 150 keys each, a run with a million points, and 300 models.

    python benchmarks/ui.py [--runs 10000] [--keep DIRECTORY]

Budgets: the first byte of every page under 100 ms, the table usable in under 1 s, filter and sort under 200 ms, the
chart of a million points under 500 ms. The pages are opened in Debian's Chromium where it is installed.
"""

from __future__ import annotations

import argparse
import http.client
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert

from autotrack.place import find_place
from autotrack.server.launch import Server
from autotrack.settings import resolve
from autotrack.store import Store, schema
from autotrack.store.registry.rows import NewVersion
from autotrack.store.registry.versions import create_version
from autotrack.store.series import seal_run, write_points

METRICS, PARAMS = 100, 50
MODELS, VERSIONS = 300, 300
POINTS = 1_000_000
REPEATS = 9
UNTIL_PAINTED = """
new Promise((done) => {
  const find = (selector) => document.querySelector(selector);
  document.body.removeAttribute("data-took");
  const began = performance.now();
  const painted = () => requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
  new MutationObserver(painted).observe(document.body, { attributes: true, attributeFilter: ["data-took"] });
  ACTION;
})
"""
"""What a person waits for, from the click to the picture; a click of Playwright's has pauses of its own."""
BUDGETS = {"first byte": 100, "table usable": 1_000, "filter": 200, "sort": 200, "million points": 500}
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def build(home: Path, runs: int) -> None:
    """Fill a store; its first run has a million points."""
    generator = np.random.default_rng(0)
    with Store.open(home) as store, store.writing() as connection:
        connection.execute(insert(schema.experiment), [{"id": at, "name": f"exp-{at}"} for at in (1, 2, 3, 4)])
        rows = [
            {"id": at, "uid": f"{at:032x}", "name": f"run-{at}", "experiment_id": at % 4 + 1, "status": "finished",
             "source": "manual", "start_time": 10**18 + at * 10**9, "end_time": 10**18 + at * 10**9 + 5 * 10**9}
            for at in range(1, runs + 1)
        ]  # fmt: skip
        connection.execute(insert(schema.run), rows)
        for start in range(1, runs + 1, 500):
            block = range(start, min(start + 500, runs + 1))
            values = generator.random((len(block), METRICS)).tolist()
            pairs = zip(block, values, strict=True)
            series = [_series(run, key, value) for run, row in pairs for key, value in enumerate(row)]
            connection.execute(insert(schema.series), series)
            connection.execute(insert(schema.param), [_param(run, key) for run in block for key in range(PARAMS)])
        steps = list(range(POINTS))
        curve = (np.exp(-np.arange(POINTS) / 2e5) + generator.normal(size=POINTS) * 0.02).tolist()
        write_points(connection, {1: {"loss": (steps, curve, [10**18 + step * 10**6 for step in steps])}})
        seal_run(connection, 1)


def register(home: Path) -> None:
    """Register many models with one version, and one with many, each from a run of its own."""
    names = [f"model-{at}" for at in range(MODELS - 1)] + ["churn"] * VERSIONS
    with Store.open(home) as store:
        for at, name in enumerate(names, start=2):
            new = NewVersion(source=f"runs:/{at:032x}/model", run_id=f"{at:032x}", description="One of *many*")
            create_version(store, name, new, user="bench", create=True)


def _series(run: int, key: int, value: float) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(("nans", "tail", "first_step", "last_step", "min_step", "max_step"), 0)
    row |= dict.fromkeys(("last", "min", "max", "sum"), value)
    return {**row, "run_id": run, "key": f"test_metric_{key:03}", "n": 1, "last_time": 10**18}


def _param(run: int, key: int) -> dict[str, Any]:
    number = (run * 7 + key * 13) % 97
    return {"run_id": run, "key": f"param_{key:02}", "text": str(number), "type": "int", "num": float(number)}


def milliseconds(action: Callable[[], object], repeats: int = REPEATS) -> list[float]:
    """Return how long an action took, each time."""
    action()
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        found.append((time.perf_counter() - start) * 1000)
    return found


def report(name: str, budget: str, taken: list[float]) -> None:
    """Print median and worst of some times beside the budget."""
    middle, worst, limit = statistics.median(taken), max(taken), BUDGETS[budget]
    verdict = "ok" if middle <= limit else "OVER"
    print(f"{name:44} median {middle:7.1f} ms   worst {worst:7.1f} ms   budget {limit:5} ms   {verdict}")


def measure_first_bytes(server: Server, big: str) -> None:
    """Measure the first byte of each kind of page."""
    port = int(server.address.rpartition(":")[2])
    head = {"Authorization": f"Bearer {server.access.token}"}
    some = ",".join(f"{at:032x}" for at in range(2, 8))
    pages = {
        "/": "/",
        "/ of an experiment": "/?experiment=exp-1",
        "/ filtered": "/?filter=metrics.test_metric_001+%3E+0.9+and+params.param_03+%3C+40",
        "/ sorted by a metric": "/?sort=metrics.test_metric_001+desc",
        "/ page 50": "/?page=50",
        "/ grouped": "/?group=params.param_01&columns=metrics.test_metric_001",
        "/ grouped, usual columns": "/?group=params.param_01",
        "/rows of page 50": "/rows?page=50&fields=start_time,metrics.test_metric_000,params.param_01",
        "/runs/…": f"/runs/{big}",
        "/runs/…/charts": f"/runs/{big}/charts",
        "/compare of 6": f"/compare?runs={some}",
        "/models": "/models",
        "/models/… of 300 versions": "/models/churn",
        "/models/…/1": "/models/churn/1",
        "/models/… compared": "/models/churn/compare?before=1&after=300",
    }
    for name, path in pages.items():

        def ask(path: str = path) -> None:
            line = http.client.HTTPConnection("127.0.0.1", port)
            line.request("GET", path, headers=head)
            answer = line.getresponse()
            answer.read(1)
            assert answer.status == 200, path
            line.close()

        report(f"first byte {name}", "first byte", milliseconds(ask))


def measure_in_browser(server: Server, big: str) -> None:
    """Measure what a person waits for."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(server.entrance())

        def open_table() -> None:
            page.goto(server.address)
            page.wait_for_selector("body[data-ready] tr[data-run]")

        report("table usable", "table usable", milliseconds(open_table))
        thresholds = iter(np.linspace(0.2, 0.8, 50))

        def filtered() -> float:
            text = f"metrics.test_metric_001 > {next(thresholds):.3f}"
            submit = f"find('#filter-text').value = '{text}'; find('#filter').requestSubmit()"
            return float(page.evaluate(UNTIL_PAINTED.replace("ACTION", submit)))

        report("filter", "filter", [filtered() for _ in range(REPEATS)])
        heads = iter(range(4, 40))

        def sort() -> float:
            click = f"document.querySelectorAll('thead th a')[{2 + next(heads) % 4}].click()"
            return float(page.evaluate(UNTIL_PAINTED.replace("ACTION", click)))

        page.goto(server.address)
        page.wait_for_selector("body[data-ready]")
        report("sort", "sort", [sort() for _ in range(REPEATS)])

        def open_chart() -> None:
            page.goto(f"{server.address}/runs/{big}/charts")
            page.wait_for_selector(".charts[data-loaded='1']")

        report("million points: page and chart", "million points", milliseconds(open_chart))
        browser.close()


def main() -> None:
    """Build the store, or take the one that was kept, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--keep", type=Path, help="keep the store here, or use the one that is there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = options.keep or Path(scratch)
        big = f"{1:032x}"
        if not (home / "store.db").exists():
            build(home, options.runs)
            register(home)
        server = Server(find_place(resolve(to=[str(home)]).settings), port=0)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            measure_first_bytes(server, big)
            if shutil.which("chromium"):
                measure_in_browser(server, big)
        finally:
            server.stop()
            thread.join()


if __name__ == "__main__":
    main()
