"""Save a fitted model with a run: its bytes now, the rest of the folder in the background."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotrack import names
from autotrack.errors import AutotrackError, UnsupportedValueError
from autotrack.models.example import Example, take_example
from autotrack.models.flavors.base import Flavor
from autotrack.models.folder import ModelFolder, write_model_folder
from autotrack.models.objects import share_files
from autotrack.models.signature import infer_signature
from autotrack.models.snapshot import Snapshot, discard
from autotrack.recording import current_recorder
from autotrack.run import Run

if TYPE_CHECKING:
    from autotrack.models.converter import Conversion

MEGABYTE = 1_000_000
TRAINED = "trained"
"""Added to the name of a model that is saved automatically where the program has logged one of that name itself."""
OBJECTS = "objects"
"""The folder, beside the artifacts, that keeps equal files of models once."""

Signature = dict[str, Any]


def save_model(
    run: Run,
    take: Callable[[Path], Snapshot],
    flavor: Callable[[Snapshot], Flavor],
    *,
    inputs: Any = None,
    outputs: Any = None,
    signature: Signature | None = None,
    name: str = names.MODEL,
    convertible: bool = False,
) -> None:
    """Save a model, if the settings ask for it.

    Args:
        run: The run that trained it.
        take: Writes the model's bytes to a path.
        flavor: Describes the model from what `take` wrote.
        inputs: Its training data, for the signature and the example.
        outputs: Some of its predictions, or its target, for the signature.
        signature: The signature, where it does not follow from inputs and outputs.
        name: Of the model within the run.
        convertible: Whether the bytes are a pickle that skops may replace, which the setting `safe_models` asks for.
    """
    settings = current_recorder().settings
    if not settings.log_models:
        return
    if name in run.own_models:
        name = f"{name}_{TRAINED}"
    try:
        snapshot = _snapshot(run, take, name)
    except (AutotrackError, OSError) as error:
        run.note("model.skipped", str(error), level="warning")
        return
    if settings.max_model_size and snapshot.size > settings.max_model_size * MEGABYTE:
        discard(snapshot)
        size = f"{snapshot.size / MEGABYTE:.0f} MB"
        run.note("model.skipped", f"{name} takes {size}, more than the setting max_model_size", level="warning")
        return
    described = signature if signature is not None or inputs is None else _signature(run, inputs, outputs)
    example = _example(run, inputs) if settings.log_input_examples and inputs is not None else None
    conversion = None
    if convertible and settings.safe_models:
        from autotrack.models.converter import current_converter

        conversion = current_converter().plan(snapshot)
    run.defer(f"writing {name}", lambda: _write(run, snapshot, flavor, described, example, name, conversion))


def _snapshot(run: Run, take: Callable[[Path], Snapshot], name: str) -> Snapshot:
    directory = run.artifact_directory
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return take(directory / f".{name}.snapshot")


def _signature(run: Run, inputs: Any, outputs: Any) -> Signature | None:
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


def _write(
    run: Run,
    snapshot: Snapshot,
    describe: Callable[[Snapshot], Flavor],
    signature: Signature | None,
    example: Example | None,
    name: str,
    conversion: Conversion | None,
) -> None:
    why = "it is the quickest to take from a training"
    if conversion is not None:
        snapshot, why = conversion.run(snapshot)
    flavor = describe(snapshot)
    folder = write_model_folder(
        run.artifact_directory / name,
        snapshot,
        flavor=flavor,
        signature=signature,
        example=example,
        run_id=run.id,
        name=name,
    )
    keep_folder(run, folder)
    if flavor.pickle:
        run.note("model.format", f"{name}: {snapshot.format}, because {why}; load it with trust=True")
    elif conversion is not None:
        run.note("model.format", f"{name}: {snapshot.format}, because {why}")


def keep_folder(run: Run, folder: ModelFolder) -> None:
    """Record a model folder that stands complete among the run's files, and note what it lacks."""
    run.log_model_folder(folder)
    if folder.unpackaged:
        modules = ", ".join(folder.unpackaged)
        run.note("model.unpackaged", f"{folder.name} needs modules that no installed package provides: {modules}")
    share_files(folder.path, folder.files, current_recorder().home.root / OBJECTS)
