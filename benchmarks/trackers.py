"""The trackers that are measured: how each takes a run and a number, and what can be read of them afterwards.

    python benchmarks/trackers.py NAME

counts the points that a tracker has below the working directory.

Each writes below the working directory, offline and without a server, as it does by default, and counts what another
process finds there. A tracker whose package is missing here is measured by the Python of `PEERS`: some of them ask for
versions of common packages that others forbid.
"""

from __future__ import annotations

import functools
import json
import os
import sqlite3
import struct
import subprocess
import sys
from abc import ABC, abstractmethod
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

PEERS = Path(sys.prefix).with_name(f"{Path(sys.prefix).name}-peers") / "bin" / "python"
"""What `make bench` fills with the peers that need an environment of their own."""

POINT = struct.Struct("<dq29x")
"""A point in our journal takes 45 bytes; so do those of the bare file."""


class Tracker(ABC):
    """One tracker in one process; `package` is its distribution, or empty for a physical reference."""

    package: ClassVar[str] = ""

    @abstractmethod
    def start(self, name: str, params: dict[str, float]) -> None:
        """Begin a run."""

    @abstractmethod
    def log(self, value: float, step: int) -> object:
        """Record one number of the run, `loss`."""

    @abstractmethod
    def end(self) -> None:
        """End the run."""

    def finish(self) -> None:  # noqa: B027 - the others are durable when the run has ended
        """Return when everything is where another process can read it."""

    @staticmethod
    @abstractmethod
    def count() -> int | None:
        """Return how many points can be read below the working directory, None if that cannot be told."""


class BareAppend(Tracker):
    """The physical reference: a system call that appends to a file."""

    def start(self, name: str, params: dict[str, float]) -> None:
        self.file = os.open("points", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def log(self, value: float, step: int) -> object:
        return os.write(self.file, POINT.pack(value, step))

    def end(self) -> None:
        os.close(self.file)

    @staticmethod
    def count() -> int:
        return Path("points").stat().st_size // POINT.size


class Autotrack(Tracker):
    """This project, into its embedded store."""

    package = "autotrack"

    def __init__(self) -> None:
        import autotrack

        self.module: Any = autotrack
        autotrack.enable(log_system_metrics=False, quiet=True)

    def start(self, name: str, params: dict[str, float]) -> None:
        self.run = self.module.start_run(name)
        self.run.log_params(params)

    def log(self, value: float, step: int) -> object:
        return self.run.log_metric("loss", value, step)

    def end(self) -> None:
        self.module.end_run()

    def finish(self) -> None:
        self.module.disable()

    @staticmethod
    def count() -> int:
        import autotrack

        return sum(len(run.metric_history("loss")) for run in autotrack.search_runs())


class Mlflow(Tracker):
    """MLflow into SQLite, its default store."""

    package = "mlflow"

    def __init__(self) -> None:
        import mlflow

        self.module: Any = mlflow
        mlflow.set_tracking_uri("sqlite:///mlflow.db")

    def start(self, name: str, params: dict[str, float]) -> None:
        self.module.start_run(run_name=name)
        self.module.log_params(params)

    def log(self, value: float, step: int) -> object:
        return self.module.log_metric("loss", value, step)

    def end(self) -> None:
        self.module.end_run()

    @staticmethod
    def count() -> int:
        return rows_of("mlflow.db", "SELECT count(*) FROM metrics")


class Wandb(Tracker):
    """Weights & Biases, offline."""

    package = "wandb"

    def start(self, name: str, params: dict[str, float]) -> None:
        import wandb

        self.run = wandb.init(mode="offline", dir=".", name=name, config=params, settings=wandb.Settings(silent=True))

    def log(self, value: float, step: int) -> object:
        return self.run.log({"loss": value}, step=step)

    def end(self) -> None:
        self.run.finish()

    @staticmethod
    def count() -> int:
        from autotrack.backends.wandb.run_file import records

        rows = (
            record.history.item for path in Path("wandb").glob("offline-run-*/*.wandb") for record, _ in records(path)
        )
        return sum(any("loss" in (item.key, *item.nested_key) for item in row) for row in rows)


class TensorBoard(Tracker):
    """TensorBoard's event files, by the writer without torch and TensorFlow."""

    package = "tensorboardX"

    def start(self, name: str, params: dict[str, float]) -> None:
        from tensorboardX import SummaryWriter  # type: ignore[import-untyped]

        self.writer = SummaryWriter(f"events/{name}")
        self.writer.add_text("params", json.dumps(params))

    def log(self, value: float, step: int) -> object:
        return self.writer.add_scalar("loss", value, step)

    def end(self) -> None:
        self.writer.close()

    @staticmethod
    def count() -> int:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        found = 0
        for folder in Path("events").iterdir():
            events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
            found += len(events.Scalars("loss")) if "loss" in events.Tags()["scalars"] else 0
        return found


class Aim(Tracker):
    """Aim, into a repository of its own."""

    package = "aim"

    def start(self, name: str, params: dict[str, float]) -> None:
        from aim import Run  # type: ignore[import-not-found]

        self.run = Run(repo=".", system_tracking_interval=None, log_system_params=False, capture_terminal_logs=False)
        self.run["params"] = params

    def log(self, value: float, step: int) -> object:
        return self.run.track(value, name="loss", step=step)

    def end(self) -> None:
        self.run.close()

    @staticmethod
    def count() -> int | None:
        return None  # its own readers find no metric of a run that another process wrote and closed


class Dvclive(Tracker):
    """DVCLive's plain files; without its experiments, which are commits of git."""

    package = "dvclive"

    def start(self, name: str, params: dict[str, float]) -> None:
        from dvclive import Live  # type: ignore[import-not-found]

        self.live = Live(dir=f"dvclive/{name}", save_dvc_exp=False, report=None)
        self.live.log_params(params)

    def log(self, value: float, step: int) -> object:
        self.live.log_metric("loss", value)
        return self.live.next_step()

    def end(self) -> None:
        self.live.end()

    @staticmethod
    def count() -> int:
        files = Path("dvclive").glob("*/plots/metrics/loss.tsv")
        return sum(len(path.read_text(encoding="utf-8").splitlines()) - 1 for path in files)


class Trackio(Tracker):
    """Trackio, into its own SQLite file."""

    package = "trackio"

    def __init__(self) -> None:
        os.environ["TRACKIO_DIR"] = str(Path("trackio").absolute())
        import trackio

        self.module: Any = trackio

    def start(self, name: str, params: dict[str, float]) -> None:
        self.module.init(project="benchmark", name=name, config=params, auto_log_gpu=False, auto_log_cpu=False)

    def log(self, value: float, step: int) -> object:
        return self.module.log({"loss": value}, step=step)

    def end(self) -> None:
        self.module.finish()

    @staticmethod
    def count() -> int:
        return rows_of("trackio/benchmark.db", "SELECT count(*) FROM metrics")


TRACKERS: dict[str, type[Tracker]] = {
    "bare append": BareAppend,
    "autotrack": Autotrack,
    "TensorBoard": TensorBoard,
    "Trackio": Trackio,
    "Aim": Aim,
    "W&B offline": Wandb,
    "DVCLive": Dvclive,
    "MLflow SQLite": Mlflow,
}


def count_in_a_process(tracker: str, directory: str) -> int | None:
    """Return what a tracker counts in a directory; the process is one that has logged nothing."""
    command = [python_of(tracker), str(Path(__file__).resolve()), tracker]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    found = (done.stdout.split() or ["0"])[-1]
    return None if found == "None" else int(found)


def rows_of(path: str, query: str) -> int:
    """Return the one number that a query of an SQLite file gives."""
    connection = sqlite3.connect(path)
    try:
        (found,) = connection.execute(query).fetchone()
    finally:
        connection.close()
    return int(found)


@functools.cache
def version_of(tracker: str) -> str:
    """Return the version of a tracker that is installed here or for `PEERS`, empty if in neither place."""
    package = TRACKERS[tracker].package
    try:
        return metadata.version(package) if package else "-"
    except metadata.PackageNotFoundError:
        if not PEERS.exists():
            return ""
    program = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([PEERS, "-c", program], capture_output=True, text=True, check=False).stdout.strip()


def python_of(tracker: str) -> str:
    """Return the Python that has a tracker."""
    package = TRACKERS[tracker].package
    try:
        metadata.version(package or "pip")
    except metadata.PackageNotFoundError:
        return str(PEERS)
    return sys.executable


def present() -> list[str]:
    """Return the trackers that can be measured, the physical reference first."""
    return [name for name in TRACKERS if version_of(name)]


if __name__ == "__main__":
    print(TRACKERS[sys.argv[1]].count())
