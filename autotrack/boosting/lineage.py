"""Training that goes on from an earlier model: the new run names the run that made it, where that is known."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from autotrack import names
from autotrack.held_out.fitted import run_of
from autotrack.recording import current_recorder
from autotrack.run import Run


def log_origin(run: Run, model: Any) -> None:
    """Tag a run with the run that trained the model it goes on from.

    Args:
        run: The new run.
        model: A model in memory, or the path of a file; files are known where they lie among the artifacts of a run.
    """
    if model is None:
        return
    run.log_param("continued_training", value=True)
    origin = _run_of_file(model) if isinstance(model, (str, os.PathLike)) else _id_of(model)
    if origin is not None:
        run.set_tag(names.CONTINUED_FROM, origin)


def _id_of(model: Any) -> str | None:
    earlier = run_of(model)
    return earlier.id if earlier is not None else None


def _run_of_file(path: Any) -> str | None:
    artifacts = current_recorder().home.run_artifacts("x").parent
    try:
        return Path(path).resolve().relative_to(artifacts.resolve()).parts[0]
    except (ValueError, OSError):  # elsewhere
        return None
