"""Choose how a model is saved: the safest format that restores it exactly, with a pickle where there is no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from autotrack.errors import MissingDependencyError, UnsupportedValueError
from autotrack.models.flavors.base import Flavor
from autotrack.models.flavors.catboost import catboost_flavor
from autotrack.models.flavors.lightgbm import lightgbm_flavor
from autotrack.models.flavors.python_function import check_custom, python_flavor
from autotrack.models.flavors.sklearn import sklearn_flavor
from autotrack.models.flavors.xgboost import xgboost_flavor
from autotrack.models.skops_file import FORMAT as SKOPS
from autotrack.models.skops_file import convert_file
from autotrack.models.snapshot import PICKLE, Snapshot, class_path, take_native_snapshot, take_snapshot

Convert = Callable[[Path, Path], tuple[str, ...]]
"""Writes the skops file of a pickle, and returns the types that reading it has to allow."""


class Format(msgspec.Struct, frozen=True):
    """How models of one kind are saved.

    Attributes:
        take: Writes the bytes of a model to a path.
        flavor: Describes them.
        convertible: Whether what `take` writes is a pickle that skops may replace.
        reason: Why this format.
    """

    take: Callable[[Any, Path], Snapshot]
    flavor: Callable[[Snapshot], Flavor]
    convertible: bool
    reason: str


def format_of(model: object, artifacts: Mapping[str, Path] | None = None) -> Format:
    """Return how a model is saved.

    Args:
        model: An estimator, booster, network, or an object with `predict`.
        artifacts: Files of a custom model, where they lie in the folder.

    Raises:
        UnsupportedValueError: It is none of these.
    """
    library = type(model).__module__.partition(".")[0]
    if library == "xgboost":
        return _native(_take_xgboost, xgboost_flavor, "XGBoost's own format holds no code")
    if library == "catboost":
        return _native(_take_catboost, catboost_flavor, "CatBoost's own format holds no code")
    if library == "lightgbm" and type(model).__name__ == "Booster":
        return _native(_take_booster, lightgbm_flavor, "LightGBM's own format holds no code")
    if library == "lightgbm":
        return Format(take_snapshot, lightgbm_flavor, True, "")
    bases = {kind.__module__.partition(".")[0] for kind in type(model).__mro__}
    if "keras" in bases:
        from autotrack.models.flavors.keras import keras_flavor

        return _native(_take_keras, keras_flavor, "Keras' own format holds no code, but for Lambda layers")
    if "torch" in bases:
        from autotrack.models.flavors.pytorch import pytorch_flavor, take_module

        return Format(take_module, pytorch_flavor, False, "a PyTorch module consists of its class and its weights")
    if "sklearn" in bases:
        return Format(take_snapshot, sklearn_flavor, True, "")
    check_custom(model)
    return Format(
        take_snapshot,
        lambda _: python_flavor(artifacts or {}),
        False,
        "a custom model is Python code by nature",
    )


def make_safe(snapshot: Snapshot, convert: Convert = convert_file) -> tuple[Snapshot, str]:
    """Turn the pickle of an estimator into a skops file, if that restores it exactly.

    Args:
        snapshot: A pickle that this process wrote; it is read back.
        convert: Does it; by default at once, in this thread.

    Returns:
        The snapshot of the file that stays, and why it is of that format.
    """
    if snapshot.format != PICKLE:
        return snapshot, f"its class, or a part of it, is defined in the program itself ({snapshot.model_class})"
    place = snapshot.path.with_name(f"{snapshot.path.name}.{SKOPS}")
    try:
        types = convert(snapshot.path, place)
    except (UnsupportedValueError, MissingDependencyError) as error:
        place.unlink(missing_ok=True)
        return snapshot, str(error)
    place.replace(snapshot.path)
    safe = msgspec.structs.replace(
        snapshot,
        format=SKOPS,
        size=snapshot.path.stat().st_size,
        modules=tuple(sorted({*snapshot.modules, "skops"})),
        needed_types=types,
    )
    return safe, "it holds no code, and was seen to restore the model exactly"


def _native(take: Callable[[Any, Path], Snapshot], flavor: Callable[[Snapshot], Flavor], reason: str) -> Format:
    return Format(take, flavor, False, reason)


def _take_xgboost(model: Any, path: Path) -> Snapshot:
    return take_native_snapshot(
        model, path, model.save_model, suffix=".ubj", model_class=class_path(model), module="xgboost"
    )


def _take_booster(model: Any, path: Path) -> Snapshot:
    return take_native_snapshot(
        model, path, model.save_model, suffix=".txt", model_class=class_path(model), module="lightgbm"
    )


def _take_keras(model: Any, path: Path) -> Snapshot:
    return take_native_snapshot(model, path, model.save, suffix=".keras", model_class=class_path(model), module="keras")


def _take_catboost(model: Any, path: Path) -> Snapshot:
    return take_native_snapshot(
        model,
        path,
        lambda place: model.save_model(str(place)),
        suffix=".cbm",
        model_class=class_path(model),
        module="catboost",
    )
