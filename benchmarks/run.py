"""Run the benchmarks, ours beside the peers' in turn, and write docs/benchmarks.md with tables and a picture.

    python benchmarks/run.py [--quick] [--resume] [--to docs]

The page says where the machine was busy: figures of a busy one compare with each other, and are worth nothing beyond.
"""

from __future__ import annotations

import argparse
import ast
import datetime as dt
import json
import math
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from trackers import present, python_of, version_of

from autotrack.evaluation.marks import Bars, Chart
from autotrack.evaluation.svg_chart import to_svg

HERE = Path(__file__).resolve().parent
COLUMNS = {
    "ready_ms": "from import to the end of the first call, ms",
    "import_mb": "memory by then, MB",
    "p50_us": "a call, median, µs",
    "p99_us": "a call, 99 %, µs",
    "points_per_s": "points a second until durable",
    "bytes_per_point": "bytes a point",
    "runs_per_s": "short runs a second until durable",
}
COMMANDS = (
    "footprint.py",
    "start.py --rounds 5",
    "log_calls.py --points 20000",
    "together.py",
    "killed.py",
    "store.py",
    "scaling.py --picture {docs}/images/scaling.svg",
    "evaluation.py",
    "sklearn_fits.py --rounds 1 --fits 10",
    "safe_models.py",
    "boosting.py --rounds 1 --trainings 3",
    "keras_epochs.py --rounds 2",
    "lightning_epochs.py --rounds 2",
    "torch_step.py --optimizer SGD",
    "torch_step.py --optimizer Adam",
    "servers_in_trouble.py --rounds 3",
    "mlflow_server.py --points 5000 --runs 50",
    "server.py --runs 2000 --rounds 2",
    "server.py --runs 2000 --rounds 2 --postgresql",
    "uploads.py --rounds 3 --large 50 --small 300",
    "uploads.py --rounds 3 --large 20 --small 300 --clients 8",
    "serving.py --rounds 2",
    "ui.py",
)
"""Benchmarks that print their own tables, with arguments that keep each to some minutes."""

KEPT = HERE.parent / "build" / "benchmarks"
"""What was measured already, for `--resume`: a run of everything takes half an hour."""

Figures = dict[str, dict[str, list[float]]]


class Output(NamedTuple):
    """What a benchmark printed, and how busy the machine was before."""

    text: str
    load: float


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few points, two rounds, and the peers alone")
    parser.add_argument("--resume", action="store_true", help="measure only what an interrupted run has not")
    parser.add_argument("--to", type=Path, default=HERE.parent / "docs", help="folder of the page")
    options = parser.parse_args()
    (options.to / "images").mkdir(parents=True, exist_ok=True)
    if not options.resume:
        shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True, exist_ok=True)
    figures = kept_or("peers", lambda: measure(2 if options.quick else 5, 500 if options.quick else 100_000))
    outputs = {}
    for command in () if options.quick else COMMANDS:
        print(command, flush=True)
        outputs[command] = Output(*kept_or(command, lambda command=command: printed(command, options.to)))
    (options.to / "images" / "log_calls.svg").write_text(picture(figures), encoding="utf-8")
    (options.to / "benchmarks.md").write_text(page(figures, outputs, quick=options.quick), encoding="utf-8")


def kept_or(name: str, measured: Callable[[], Any]) -> Any:
    """Return what an interrupted run measured, or measure it and keep it."""
    file = KEPT / f"{re.sub(r'[^a-zA-Z0-9]+', '_', name)}.json"
    if not file.exists():
        file.write_text(json.dumps(measured()), encoding="utf-8")
    return json.loads(file.read_text(encoding="utf-8"))


def printed(command: str, docs: Path) -> Output:
    """Run one of the benchmarks."""
    load = os.getloadavg()[0]
    script, *arguments = command.format(docs=docs).split()
    return Output(output_of(script, arguments), load)


def measure(rounds: int, points: int) -> Figures:
    """Measure all trackers that are installed, each round all of them in turn."""
    names = present()
    figures: Figures = {name: {column: [] for column in COLUMNS} for name in names}
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            print(f"round {number + 1} of {rounds}: {name}", flush=True)
            output = output_of("peers.py", [name, "--points", str(points)], python_of(name))
            found = json.loads(output.splitlines()[-1])
            for column in COLUMNS:
                figures[name][column].append(found[column])
    return figures


def output_of(script: str, arguments: list[str], python: str = sys.executable) -> str:
    """Run a benchmark and return what it prints.

    Raises:
        SystemExit: It failed.
    """
    command = [python, str(HERE / script), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "AUTOTRACK_TESTING": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{script} {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def page(figures: Figures, outputs: dict[str, Output], *, quick: bool) -> str:
    """Return the page."""
    made = f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d}{', in the quick form' if quick else ''}"
    lines = [
        "# Benchmarks\n",
        "<!-- Made by benchmarks/run.py. -->\n",
        f"Made by `make bench` on {made}: Python {platform.python_version()}, {os.cpu_count()} cores.",
        "What these figures mean, and how they came about, is in [measurements](measurements.md).\n",
        "## A log call and a short run, beside the peers\n",
        "Each tracker in processes of its own, all of them in turn; the median of the rounds, and in brackets the",
        "least and the most. The last column divides the median call by the bare append of the same round.\n",
        f"| tracker | version | {' | '.join(COLUMNS.values())} | times a bare append |",
        f"|---|---|{'---|' * len(COLUMNS)}---|",
        *(row(name, figures) for name in figures),
        "",
        *standing(figures),
        "\n![What a log call costs](images/log_calls.svg)\n",
    ]
    for command, output in outputs.items():
        script = command.split()[0]
        lines += [f"## `{command.format(docs='docs')}`\n", first_lines(script)]
        if output.load > (os.cpu_count() or 1):
            lines.append(f"The machine was busy (load {output.load:.1f}): compare the lines with each other alone.\n")
        lines += ["```text", without_progress(output.text).strip("\n"), "```\n"]
        if script == "scaling.py":
            lines.append("![How cost grows](images/scaling.svg)\n")
    return "\n".join(lines)


def without_progress(text: str) -> str:
    """Return what a benchmark printed without the coloured progress of a library."""
    return "\n".join(line for line in text.splitlines() if "\x1b" not in line and "\x08" not in line)


def standing(figures: Figures) -> list[str]:
    """Say in which columns ours is first among the trackers, and by how much it is not in the others."""
    lines = ["Where autotrack stands among the trackers:\n"]
    for column, title in COLUMNS.items():
        middles = {name: statistics.median(values[column]) for name, values in figures.items() if name != "bare append"}
        more_is_better = column.endswith("_per_s")
        order = sorted(middles, key=lambda name: middles[name], reverse=more_is_better)
        place, ours = order.index("autotrack"), middles["autotrack"]
        other = order[1] if place == 0 else order[0]
        times = max(ours, middles[other]) / min(ours, middles[other])
        compared = f"{times:.1f} times as {'much' if middles[other] > ours else 'little'} with {other}"
        lines.append(f"- {title}: {'first' if place == 0 else f'number {place + 1}'}; {compared}.")
    return lines


def first_lines(script: str) -> str:
    """Return the first paragraph of a benchmark's docstring: what it measures."""
    doc = ast.get_docstring(ast.parse((HERE / script).read_text(encoding="utf-8"))) or ""
    return doc.split("\n\n")[0] + "\n"


def row(name: str, figures: Figures) -> str:
    """Return the line of one tracker."""
    ratios = [ours / bare for ours, bare in zip(figures[name]["p50_us"], figures["bare append"]["p50_us"], strict=True)]
    cells = [spread(figures[name][column]) for column in COLUMNS]
    return f"| {name} | {version_of(name)} | {' | '.join(cells)} | {spread(ratios)} |"


def spread(values: list[float]) -> str:
    """Return the median, and the least and the most."""
    middle, low, high = statistics.median(values), min(values), max(values)
    digits = 0 if middle >= 100 else 1
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def picture(figures: Figures) -> str:
    """Draw what a call costs; the scale is the logarithm, because the trackers lie far apart."""
    names = list(figures)
    lengths = [math.log10(max(statistics.median(figures[name]["p50_us"]), 0.1)) + 1 for name in names]
    places = [float(at) for at in range(len(names))]
    bars = Bars(name="", places=places, lengths=lengths, width=0.7, flat=True)
    return to_svg(
        Chart(
            title="What a log call costs",
            note="median time of a call; each step to the right is ten times as much",
            x_title="log10 of tenths of a microsecond",
            y_title="",
            marks=(bars,),
            y_ticks=names,
        )
    )


if __name__ == "__main__":
    main()
