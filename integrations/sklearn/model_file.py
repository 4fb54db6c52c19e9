"""The fitted estimator as a model folder: its bytes now, the rest of the folder in the background."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autotrack import names
from autotrack.errors import AutotrackError, UnsupportedValueError
from autotrack.models.example import Example, take_example
from autotrack.models.flavors.sklearn import sklearn_flavor
from autotrack.models.folder import write_model_folder
from autotrack.models.signature import infer_signature
from autotrack.models.snapshot import Snapshot, take_snapshot
from autotrack.recording import current_recorder
from autotrack.run import Run

MEGABYTE = 1_000_000


def log_model(run: Run, estimator: Any, inputs: Any, outputs: Any, name: str = names.MODEL) -> None:
    """Save a fitted estimator with the run, if the settings ask for it.

    Args:
        run: The run that trained it.
        estimator: The estimator.
        inputs: Its training data, for the signature.
        outputs: Some of its predictions, or its target, for the signature.
        name: Of the model within the run.
    """
    settings = current_recorder().settings
    if not settings.log_models:
        return
    try:
        snapshot = _snapshot(run, estimator, name)
    except (AutotrackError, OSError) as error:
        run.note("model.skipped", str(error), level="warning")
        return
    if settings.max_model_size and snapshot.size > settings.max_model_size * MEGABYTE:
        snapshot.path.unlink()
        size = f"{snapshot.size / MEGABYTE:.0f} MB"
        run.note("model.skipped", f"{name} takes {size}, more than the setting max_model_size", level="warning")
        return
    signature = _signature(run, inputs, outputs)
    example = _example(run, inputs) if settings.log_input_examples else None
    run.defer(f"writing {name}", lambda: _write(run, snapshot, signature, example, name))


def _snapshot(run: Run, estimator: Any, name: str) -> Snapshot:
    directory = run.artifact_directory
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return take_snapshot(estimator, directory / f".{name}.snapshot")


def _signature(run: Run, inputs: Any, outputs: Any) -> dict[str, Any] | None:
    try:
        return infer_signature(inputs, outputs)
    except UnsupportedValueError as error:
        run.note("signature.skipped", str(error))
        return None


def _example(run: Run, inputs: Any) -> Example | None:
    try:
        return take_example(inputs)
    except UnsupportedValueError as error:
        run.note("example.skipped", str(error))
        return None


def _write(run: Run, snapshot: Snapshot, signature: dict[str, Any] | None, example: Example | None, name: str) -> None:
    directory: Path = run.artifact_directory / name
    folder = write_model_folder(
        directory,
        snapshot,
        flavor=sklearn_flavor(snapshot),
        signature=signature,
        example=example,
        run_id=run.id,
        name=name,
    )
    run.log_model_folder(folder)
    if folder.unpackaged:
        modules = ", ".join(folder.unpackaged)
        run.note("model.unpackaged", f"{name} needs modules that no installed package provides: {modules}")
