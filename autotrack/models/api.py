"""`save` and `log`: keep a model that you made yourself, in a folder of yours or with the active run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from autotrack import names
from autotrack.active import active_run
from autotrack.content import artifact_name
from autotrack.errors import ModelError, UnsupportedValueError
from autotrack.models.example import Example, take_example
from autotrack.models.flavors.python_function import ARTIFACTS, CODE, with_code
from autotrack.models.folder import ModelFolder, write_model_folder
from autotrack.models.formats import Format, format_of, make_safe
from autotrack.models.saving import keep_folder
from autotrack.models.signature import infer_signature
from autotrack.models.snapshot import Snapshot
from autotrack.recording import current_recorder
from autotrack.run import Run


class Plan(msgspec.Struct, frozen=True):
    """How one model is to be saved.

    Attributes:
        format: Of its bytes.
        signature: What it takes and returns, if known.
        example: First rows of an input, if given.
        beside: Files and folders that go with it, by their path in its folder.
        packages: Distributions it needs, beside those that are found.
        has_code: Whether some of the files are Python modules.
    """

    format: Format
    signature: dict[str, Any] | None
    example: Example | None
    beside: dict[str, Path]
    packages: tuple[str, ...]
    has_code: bool


def save(  # noqa: PLR0913 - one keyword an option, typed and documented
    model: Any,
    path: str | os.PathLike[str],
    *,
    inputs: Any = None,
    outputs: Any = None,
    params: Mapping[str, Any] | None = None,
    input_example: Any = None,
    artifacts: Mapping[str, str | os.PathLike[str]] | None = None,
    code: Sequence[str | os.PathLike[str]] = (),
    packages: Sequence[str] = (),
) -> ModelFolder:
    """Save a model into a folder that `load`, and every tool of MLflow's, reads.

    The safest format that restores the model exactly is chosen: XGBoost's, LightGBM's, CatBoost's and Keras' own, skops
    for scikit-learn where it proves exact; a pickle for everything else.

    Args:
        model: An estimator, booster or network, or an object of a class of yours: `predict(context, model_input)` or
            `predict(model_input)`, perhaps with `params` behind, and perhaps `load_context(context)`, called once after
            loading; `context.artifacts` has the paths of its files.
        path: The folder to make; an older one in its place is replaced.
        inputs: What the model is fed, such as its training data: the signature follows from it. No row is kept.
        outputs: What it returns, for the signature.
        params: Parameters that its `predict` takes, with their defaults, for the signature.
        input_example: Of an input; its first 5 rows are kept beside the model, and the signature follows from it where
            no `inputs` are given.
        artifacts: Files or folders that the model needs, by name; they are copied.
        code: Files or folders with Python modules that the model imports; they are copied, and can be imported when it
            is loaded, which therefore needs trust.
        packages: Names of distributions that it needs beside those that its bytes refer to.

    Returns:
        The folder: its files with hashes, and its id.

    Raises:
        UnsupportedValueError: The model is of no kind that can be saved, or the inputs of none that has a signature.
        AutotrackError: It cannot be pickled, or the disk refuses.

    Example:
        >>> import numpy, tempfile, autotrack
        >>> class Doubler:
        ...     def predict(self, model_input):
        ...         return model_input * 2
        >>> folder = autotrack.models.save(Doubler(), f"{tempfile.mkdtemp()}/doubler", inputs=numpy.zeros((1, 2)))
        >>> autotrack.models.load_predictor(folder.path, trust=True).predict([[1, 2]])
        array([[2., 4.]])
    """
    plan = _plan(model, inputs, outputs, params, input_example, artifacts, code, packages)
    directory = Path(path).expanduser().absolute()
    directory.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{directory.name}.", dir=directory.parent) as work:
        snapshot = plan.format.take(model, Path(work) / "snapshot")
        return _write(plan, snapshot, directory)[0]


def log(  # noqa: PLR0913 - what `save` takes, and the run
    model: Any,
    name: str = names.MODEL,
    *,
    run: Run | None = None,
    inputs: Any = None,
    outputs: Any = None,
    params: Mapping[str, Any] | None = None,
    input_example: Any = None,
    artifacts: Mapping[str, str | os.PathLike[str]] | None = None,
    code: Sequence[str | os.PathLike[str]] = (),
    packages: Sequence[str] = (),
) -> str:
    """Save a model with the active run; when this returns, it is on disk.

    A note on the run says which format was used, and why.

    Args:
        model: As `save` takes it.
        name: Of the model within the run; an earlier one of the same name is replaced. One that is saved automatically
            later, as at the end of a loop, gets "_trained" behind the name.
        run: Another run than the active one.
        inputs: As in `save`; so are all the others.
        outputs: For the signature.
        params: For the signature.
        input_example: Rows to keep.
        artifacts: Files of the model, by name.
        code: Python modules of the model.
        packages: Further distributions.

    Returns:
        The model's URI, `runs:/<id>/<name>`, for `load`, `load_predictor` and the registry.

    Raises:
        ModelError: No run is active.
        UnsupportedValueError: As `save` raises.

    Example:
        >>> import autotrack
        >>> with autotrack.start_run():  # doctest: +SKIP
        ...     uri = autotrack.models.log(estimator, inputs=X)
    """
    run = run or active_run()
    if run is None:
        raise ModelError("no run is active to log the model to; open one: with autotrack.start_run():")
    name = artifact_name(name)
    plan = _plan(model, inputs, outputs, params, input_example, artifacts, code, packages)
    run.own_models.add(name)
    current_recorder().worker.drain()  # a model saved automatically may be on its way to the same place
    directory = run.artifact_directory / name
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    snapshot = plan.format.take(model, directory.with_name(f".{directory.name}.snapshot"))
    folder, why = _write(plan, snapshot, directory, run_id=run.id, name=name)
    keep_folder(run, folder)
    run.note("model.format", f"{name}: {why}")
    return f"runs:/{run.id}/{name}"


def _plan(
    model: Any,
    inputs: Any,
    outputs: Any,
    params: Mapping[str, Any] | None,
    input_example: Any,
    artifacts: Mapping[str, str | os.PathLike[str]] | None,
    code: Sequence[str | os.PathLike[str]],
    packages: Sequence[str],
) -> Plan:
    """Check everything that can be wrong with the user's arguments before anything is written."""
    places = {name: Path(ARTIFACTS, name, Path(source).name) for name, source in (artifacts or {}).items()}
    beside = {place.as_posix(): Path((artifacts or {})[name]) for name, place in places.items()}
    beside |= {f"{CODE}/{Path(source).name}": Path(source) for source in code}
    for source in beside.values():
        if not source.exists():
            raise ModelError(f"there is no file or folder {str(source)!r} to save with the model")
    described = inputs if inputs is not None else input_example
    if described is None and (params or outputs is not None):
        raise UnsupportedValueError("outputs and params are parts of a signature: give inputs or input_example, too")
    return Plan(
        format=format_of(model, places),
        signature=None if described is None else infer_signature(described, outputs, params),
        example=None if input_example is None else take_example(input_example),
        beside=beside,
        packages=tuple(packages),
        has_code=bool(code),
    )


def _write(
    plan: Plan, snapshot: Snapshot, directory: Path, run_id: str | None = None, name: str = names.MODEL
) -> tuple[ModelFolder, str]:
    """Write the folder; return it with the format of the bytes and why it is that one."""
    reason = plan.format.reason
    if plan.format.convertible:
        snapshot, reason = make_safe(snapshot)
    flavor = plan.format.flavor(snapshot)
    flavor = msgspec.structs.replace(flavor, packages=(*flavor.packages, *plan.packages))
    if plan.has_code:
        flavor = with_code(flavor)
    folder = write_model_folder(
        directory,
        snapshot,
        flavor=flavor,
        signature=plan.signature,
        example=plan.example,
        run_id=run_id,
        name=name,
        beside=plan.beside,
    )
    advice = "; load it with trust=True" if flavor.pickle else ""
    return folder, f"{snapshot.format}, because {reason}{advice}"
