"""Runs as TensorBoard's log directories.

    <dir>/<experiment>/<name>-<end of id>/events.out.tfevents.<seconds>.about    what the run is and has now
                                          events.out.tfevents.<seconds>.points   points, curves, pictures: only grows
                                          <child's name>-<end of id>/…
    <dir>/.autotrack/<run id>             which directory is the run's

TensorBoard keeps the first hyperparameters it sees of a run, so the file with these is replaced whole when they change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from autotrack.backends.description import describe_fully
from autotrack.backends.directory_backend import PicturesBackend
from autotrack.backends.gather import RunUpdate
from autotrack.backends.run_folder import RunFolder
from autotrack.backends.tensorboard.about import about
from autotrack.backends.tensorboard.events import Event, event, framed, version
from autotrack.backends.tensorboard.summaries import histograms, image, pr_curves, scalar
from autotrack.content import artifact_name
from autotrack.evaluation.report import Evaluation

INDEX = ".autotrack"
DESCRIPTION = ".run.json"
MAX_PICTURE_BYTES = 10_000_000
_ODD = re.compile(r"[^\w .,=+@()-]")


class TensorBoardBackend(PicturesBackend):
    """Write runs where `tensorboard --logdir` looks.

    Args:
        url: `tensorboard:///absolute/dir`, or `tensorboard://relative/dir`.
        context: Where the files of runs are.

    Raises:
        StoreUnavailableError: The URL names no directory.
    """

    def _write_update(self, folder: RunFolder, update: RunUpdate) -> None:
        known = folder.read(DESCRIPTION)
        run = describe_fully(None if known is None else json.loads(known), update)
        run.setdefault("file", f"{(update.first.time if update.first else 0) // 10**9:010d}")
        file = f"events.out.tfevents.{run['file']}"
        if events := list(self._events(update)):
            start = [] if f"{file}.points" in folder.state.sizes else [version(events[0].wall_time)]
            folder.append(f"{file}.points", framed([*start, *events]))
        if known is None or not _only_points(update):
            folder.replace(f"{file}.about", framed(about(run)))
            folder.replace(DESCRIPTION, json.dumps(run).encode())

    def _place(self, told: RunUpdate) -> Path:
        """Return the directory of a run, below that of its parent."""
        known = self._known_directory(told.run_id)
        if known is not None:
            return known
        started = told.started
        parent = self._known_directory(started.parent_id) if started and started.parent_id else None
        above = parent or self._root / _name(started.experiment if started else "default")
        directory = above / f"{_name(started.name if started else 'run')}-{told.run_id[-8:]}"
        RunFolder(self._root / INDEX).replace(
            artifact_name(told.run_id), str(directory.relative_to(self._root)).encode()
        )
        return directory

    def _known_directory(self, run_id: str) -> Path | None:
        known = RunFolder(self._root / INDEX).read(artifact_name(run_id))
        return None if known is None else self._root / known.decode()

    def _events(self, update: RunUpdate) -> Iterator[Event]:
        """Yield what only grows."""
        for point in update.points:
            yield event(point.time, point.step, *(scalar(key, value) for key, value in point.metrics.items()))
        for logged in update.evaluations.values():
            evaluation = Evaluation.from_dict(logged.report)
            drawn = {path: data for path, data in self._pictures.draw(logged).items() if path.endswith(".png")}
            pictures = (image(f"evaluation/{path.removesuffix('.png')}", data) for path, data in drawn.items())
            values = [*pr_curves(evaluation), *histograms(evaluation), *pictures]
            if values:
                yield event(logged.time, 0, *values)
        for path, logged_file in update.artifacts.items():
            source = self._context.artifacts / update.run_id / artifact_name(path)
            if path.endswith(".png") and logged_file.size <= MAX_PICTURE_BYTES and source.is_file():
                yield event(logged_file.time, 0, image(path.removesuffix(".png"), source.read_bytes()))


def _only_points(update: RunUpdate) -> bool:
    news = (update.life, update.params, update.tags, update.artifacts, update.datasets, update.notes)
    return not any(news)


def _name(text: str) -> str:
    """Return a text as the name of a directory."""
    return _ODD.sub("_", text).strip(" .")[:80] or "_"
