"""Put a model folder together: the model's bytes, `MLmodel`, the environment files and the example.

The folder is built under a temporary name beside its place and renamed when it is complete, so a reader sees the whole
folder or none. Meant for a worker thread; loading the model is never needed.
"""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from autotrack.models.digests import files_of, sha256_of
from autotrack.models.environment import CONDA_FILE, PYTHON_ENV_FILE, write_environment
from autotrack.models.example import Example, write_example
from autotrack.models.flavors.base import Flavor
from autotrack.models.mlmodel import HASHES, MLMODEL_FILE, MLmodel, write_mlmodel
from autotrack.models.requirements import Requirements, resolve_requirements
from autotrack.models.snapshot import Snapshot, discard


class ModelFile(msgspec.Struct, frozen=True):
    """One file of a model folder.

    Attributes:
        path: Relative to the folder, with forward slashes.
        size: Bytes.
        sha256: Hex digest of the content.
    """

    path: str
    size: int
    sha256: str


class ModelFolder(msgspec.Struct, frozen=True):
    """A complete model folder.

    Attributes:
        path: The folder.
        name: What the model is called within its run.
        model_id: 32 hex characters, new for each folder.
        flavors: Keys of the MLmodel file's flavors.
        signature: As it was given.
        files: Every file, sorted by path.
        size: Bytes of all files.
        unpackaged: Modules the model imports that no installed distribution provides: worth a note to the user.
    """

    path: Path
    name: str
    model_id: str
    flavors: list[str]
    signature: dict[str, Any] | None
    files: tuple[ModelFile, ...]
    size: int
    unpackaged: tuple[str, ...]


def write_model_folder(
    directory: Path,
    snapshot: Snapshot,
    *,
    flavor: Flavor,
    signature: dict[str, Any] | None = None,
    example: Example | None = None,
    run_id: str | None = None,
    name: str = "model",
    beside: Mapping[str, Path] | None = None,
) -> ModelFolder:
    """Write a model folder from a snapshot, and remove the snapshot's own file once the folder stands.

    Args:
        directory: The folder to make; an older one in its place is replaced. Its parents are made where missing.
        snapshot: The model's bytes.
        flavor: How the model's library describes it.
        signature: From `infer_signature`.
        example: From `take_example`.
        run_id: The run that made the model.
        name: What the model is called within its run.
        beside: Files and folders to copy into the folder, by their path in it.

    Returns:
        What was written.

    Raises:
        OSError: The disk refuses. The snapshot is still in its place and no part of a folder is left behind.
    """
    model_id = os.urandom(16).hex()
    requirements = resolve_requirements(snapshot.modules, _packages(flavor, signature))
    flavors = _flavor_settings(flavor)
    building = directory.with_name(f".{directory.name}.{model_id}.partial")
    try:
        _add_data(building / flavor.data, snapshot.path)
        for place, source in (beside or {}).items():
            _copy(source, building / place)
        for path, text in flavor.texts.items():
            (building / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (building / path).write_text(text, encoding="utf-8")
        write_environment(building, requirements.pinned)
        if example is not None:
            write_example(building, example)
        files = [_describe(path, building) for path in files_of(building)]
        content = MLmodel(
            artifact_path=name,
            flavors=flavors,
            model_id=model_id,
            model_size_bytes=sum(file.size for file in files),
            time=time.time_ns(),
            run_id=run_id,
            signature=signature,
            saved_input_example_info=None if example is None else example.info,
            metadata=_metadata(snapshot, flavor, requirements, files),
        )
        write_mlmodel(building, content)
        files.append(_describe(building / MLMODEL_FILE, building))
        _publish(building, directory)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    discard(snapshot)
    return ModelFolder(
        path=directory,
        name=name,
        model_id=model_id,
        flavors=sorted(flavors),
        signature=signature,
        files=tuple(sorted(files, key=lambda file: file.path)),
        size=sum(file.size for file in files),
        unpackaged=requirements.unpackaged,
    )


def _packages(flavor: Flavor, signature: dict[str, Any] | None) -> tuple[str, ...]:
    """Add pandas for a model of named columns: python_function hands it a DataFrame."""
    columns = signature is not None and '"name"' in signature["inputs"]
    return (*flavor.packages, "pandas") if columns else flavor.packages


def _flavor_settings(flavor: Flavor) -> dict[str, dict[str, Any]]:
    settings = {flavor.name: flavor.settings} if flavor.settings else {}
    if flavor.python_function is not None:
        environment = {"conda": CONDA_FILE, "virtualenv": PYTHON_ENV_FILE}
        python = {"env": environment, "python_version": platform.python_version()}
        settings["python_function"] = {**flavor.python_function, **python}
    return settings


def _metadata(snapshot: Snapshot, flavor: Flavor, requirements: Requirements, files: list[ModelFile]) -> dict[str, Any]:
    return {
        "model_class": snapshot.model_class,
        "pickle": flavor.pickle,
        HASHES: {file.path: file.sha256 for file in files},
        "unpackaged_modules": requirements.unpackaged,
    }


def _add_data(path: Path, source: Path) -> None:
    """Give the snapshot's file, or the files of its folder, a second name in the folder."""
    path.parent.mkdir(mode=0o700, parents=True)
    if source.is_dir():
        shutil.copytree(source, path, copy_function=_link)
    else:
        _link(source, path)


def _link(source: str | Path, path: str | Path) -> None:
    """Give a file a second name; copy it where the file system has no such thing."""
    try:
        os.link(source, path)
    except OSError:
        shutil.copyfile(source, path)


def _copy(source: Path, place: Path) -> None:
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    else:
        shutil.copyfile(source, place)


def _describe(path: Path, directory: Path) -> ModelFile:
    return ModelFile(path.relative_to(directory).as_posix(), path.stat().st_size, sha256_of(path))


def _publish(building: Path, directory: Path) -> None:
    """Rename the finished folder into its place, moving an older one out of the way first."""
    if directory.exists():
        replaced = building.with_suffix(".replaced")
        directory.rename(replaced)
        building.rename(directory)
        shutil.rmtree(replaced)
    else:
        building.rename(directory)
