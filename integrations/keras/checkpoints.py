"""Model files that the program writes while it trains: which, when, and a copy of them once the training is over."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import msgspec

from autotrack.integration import Patcher
from autotrack.models.saving import MEGABYTE
from autotrack.patching.nesting import active_call
from autotrack.recording import current_recorder
from autotrack.run import Run
from autotrack.shield import shielded

FOLDER = "checkpoints"
TABLE = "checkpoints.json"


class Checkpoints(msgspec.Struct):
    """Files written during one training.

    Attributes:
        epoch: The epoch under way, counted from 0.
        saved: For each file the epochs it was written in.
    """

    epoch: int = 0
    saved: dict[str, list[int]] = {}


def watch_saves(patcher: Patcher, model_class: Any) -> None:
    """Take down what is saved inside a training, by `ModelCheckpoint` or by any other callback."""
    for method in ("save", "save_weights"):
        patcher.wrap(model_class, method, lambda original: _noting(patcher, original))


def _noting(patcher: Patcher, original: Any) -> Any:
    def autotrack_save(self: Any, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        result = original(self, *args, **kwargs)
        with shielded("noting a checkpoint"):
            call = active_call() if patcher.live else None
            checkpoints = getattr(call.memo, "checkpoints", None) if call is not None else None
            if isinstance(checkpoints, Checkpoints):
                path = os.fspath(args[0] if args else kwargs["filepath"])
                checkpoints.saved.setdefault(path, []).append(checkpoints.epoch)
        return result

    return autotrack_save


def log_checkpoints(run: Run, checkpoints: Checkpoints) -> None:
    """Log which files were written, and keep those that are still there, the newest first, up to `max_model_size`."""
    if not checkpoints.saved:
        return
    files = {path: _state(path) for path in checkpoints.saved}
    table = [
        {"path": path, "epochs": epochs, "size": None if (state := files[path]) is None else state[0]}
        for path, epochs in checkpoints.saved.items()
    ]
    run.defer("listing the checkpoints", lambda: run.log_dict({"checkpoints": table}, TABLE))
    settings = current_recorder().settings
    if not settings.log_models:
        return
    room = settings.max_model_size * MEGABYTE or float("inf")
    for path, state in sorted(files.items(), key=lambda item: item[1][1] if item[1] else 0, reverse=True):
        if state is None:
            continue
        room -= state[0]
        if room < 0:
            run.note("checkpoint.skipped", f"{path}: checkpoints take more than the setting max_model_size")
            break
        run.defer("copying a checkpoint", lambda path=path, state=state: _copy(run, path, state))  # type: ignore[misc]


def _state(path: str) -> tuple[int, int] | None:
    """Return size and time of a file; None for one that is gone, is elsewhere, or is a folder."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if os.path.isfile(path) else None


def _copy(run: Run, path: str, state: tuple[int, int]) -> None:
    """Copy a file, unless the program has written it again meanwhile: half of each would be worse than none."""
    name = f"{FOLDER}/{Path(path).name}"
    target = run.artifact_directory / name
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(path, part)
        whole = _state(path) == state
    except OSError:
        whole = False
    if whole:
        part.replace(target)
        run.add_file(name, state[0])
    else:
        part.unlink(missing_ok=True)
        run.note("checkpoint.skipped", f"{path} was changed before it could be copied")
