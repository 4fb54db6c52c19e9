"""Read the run files that Weights & Biases writes offline: W&B's own protos."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autotrack.backends.wandb.run_file import records
from autotrack.records import FAILED, FINISHED, RUNNING
from autotrack.testing import MemoryRun


@dataclass
class WandbRun:
    """What the files of one run id say together; rows of equal number are one, as on W&B's server."""

    id: str
    name: str = ""
    group: str = ""
    job_type: str = ""
    project: str = ""
    notes: str = ""
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, dict[str, int]] = field(default_factory=dict)
    exit_code: int | None = None

    @property
    def status(self) -> str:
        return {None: RUNNING, 0: FINISHED, 1: FAILED}.get(self.exit_code, self.config["autotrack"]["status"])

    def points(self) -> dict[str, list[tuple[int, float]]]:
        """Return the numbers by key, each with our step; charts and tables are rows of their own."""
        found: dict[str, list[tuple[int, float]]] = {}
        for _, row in sorted(self.rows.items()):
            if any(key.endswith("/_type") for key in row):
                continue
            for key, value in row.items():
                if key not in ("_step", "_runtime", "_timestamp", "autotrack/step"):
                    found.setdefault(key, []).append((row["autotrack/step"], float(value)))
        return found

    def files(self) -> dict[str, int]:
        """Return the sizes of what was sent as files of the run and as models, by the path they had."""
        sizes = dict(self.artifacts.get(f"files-{self.id}", {}))
        for name, inside in self.artifacts.items():
            if not name.startswith(("files-", "run-")):
                sizes |= {f"{name.removesuffix(f'-{self.id}')}/{path}": size for path, size in inside.items()}
        return sizes

    def as_memory(self) -> MemoryRun:
        return MemoryRun(
            id=self.id,
            name=self.name,
            experiment=self.config["autotrack"]["experiment"],
            status=self.status,
            params={
                key: value for key, value in self.config.items() if key != "autotrack" and not key.startswith("_wandb")
            },
            metrics=self.points(),
            tags=self.config["autotrack"]["tags"],
            artifacts=self.files(),
        )


def read_runs(folder: Path) -> dict[str, WandbRun]:
    """Read all runs below `<folder>/wandb`, by id; segments of one run in the order in which they were begun."""
    runs: dict[str, WandbRun] = {}
    for path in sorted(folder.glob("wandb/offline-run-*/run-*.wandb"), key=lambda path: path.stat().st_mtime_ns):
        run = runs.setdefault(path.stem.removeprefix("run-"), WandbRun(path.stem.removeprefix("run-")))
        run.exit_code = None
        for record, _ in records(path):
            add(run, record)
    return runs


def add(run: WandbRun, record: Any) -> None:
    match record.WhichOneof("record_type"):
        case "run":
            found = record.run
            run.name, run.group, run.job_type = found.display_name, found.run_group, found.job_type
            run.project, run.notes = found.project, found.notes or run.notes
            run.tags = list(found.tags) or run.tags
            run.config |= values(found.config.update)
        case "config":
            run.config |= values(record.config.update)
        case "history":
            row = values(record.history.item)
            run.rows[row["_step"]] = row
        case "summary":
            run.summary |= values(record.summary.update)
        case "artifact":
            entries = {entry.path: entry.size for entry in record.artifact.manifest.contents}
            run.artifacts[record.artifact.name] = entries
        case "exit":
            run.exit_code = record.exit.exit_code


def values(items: Any) -> dict[str, Any]:
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}
