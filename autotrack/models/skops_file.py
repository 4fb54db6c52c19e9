"""Write and read skops files: scikit-learn estimators without code in the file, wherever that restores them exactly.

Which types may be built is decided by the list in this module, never by the file: a list in the file would let whoever
changes the file allow what he likes.
"""

from __future__ import annotations

import os
import pickle
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from autotrack.errors import MissingDependencyError, UnsupportedValueError, UntrustedModelError
from autotrack.models.same_state import same_state

FORMAT = "skops"
# Classes (no functions) of these modules hold numbers and other estimators. skops allows estimators themselves.
_MODULES = frozenset(
    {
        "sklearn._loss._loss",
        "sklearn._loss.link",
        "sklearn._loss.loss",
        "sklearn.calibration",
        "sklearn.compose._column_transformer",
        "sklearn.ensemble._hist_gradient_boosting.predictor",
        "sklearn.gaussian_process.kernels",
        "sklearn.metrics._dist_metrics",
        "sklearn.metrics._scorer",
        "sklearn.model_selection._split",
        "sklearn.neighbors._ball_tree",
        "sklearn.neighbors._kd_tree",
        "sklearn.neural_network._stochastic_optimizers",
        "sklearn.tree._tree",
    }
)
_NAMES = frozenset(
    {
        "collections.OrderedDict",
        "collections.defaultdict",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRanker",
        "lightgbm.sklearn.LGBMRegressor",
        "numpy.dtype",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.utils._bunch.Bunch",
        "xgboost.core.Booster",
        "xgboost.sklearn.XGBClassifier",
        "xgboost.sklearn.XGBRFClassifier",
        "xgboost.sklearn.XGBRFRegressor",
        "xgboost.sklearn.XGBRanker",
        "xgboost.sklearn.XGBRegressor",
    }
)

_ARRAY_LIBRARIES = tuple(f"sklearn.externals.array_api_compat.{name}" for name in ("cupy", "dask", "torch"))


class Converted(NamedTuple):
    """An estimator in skops' format.

    Attributes:
        content: Of the file.
        needed: The types that reading it has to allow beside skops' own.
    """

    content: bytes
    needed: tuple[str, ...]


def convert_file(source: Path, path: Path, convert: Callable[[bytes], Converted] | None = None) -> tuple[str, ...]:
    """Write the estimator of a pickle as a skops file, and read it back to see that it is the same.

    Args:
        source: A pickle that autotrack wrote itself, a moment ago: it is loaded.
        path: The file to write.
        convert: By default `convert_pickle`.

    Returns:
        The types that reading the file has to allow beside skops' own.

    Raises:
        UnsupportedValueError: The format does not restore it exactly, or would have to build a type that is on no list
            of safe ones; the message says which.
        MissingDependencyError: skops is not installed.
    """
    converted = (convert or convert_pickle)(source.read_bytes())
    with open(path, "wb", opener=_open_private) as file:
        file.write(converted.content)
    return converted.needed


def convert_pickle(pickled: bytes) -> Converted:
    """Return the skops file of a pickle; raises what `convert_file` does."""
    io = _skops_io()
    try:
        model = pickle.loads(pickled)  # noqa: S301 - our own bytes of a moment ago
        content = io.dumps(model, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
        needed: list[str] = io.get_untrusted_types(data=content)
    except Exception as error:
        raise UnsupportedValueError(f"skops cannot write it ({error})") from error
    _refuse(unsafe_types(needed))
    try:
        same = same_state(model, io.loads(content, trusted=needed))
    except Exception as error:
        raise UnsupportedValueError(f"skops cannot read it back ({error})") from error
    if not same:
        raise UnsupportedValueError("skops does not restore it exactly")
    return Converted(content, tuple(needed))


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _needed_types(path: Path) -> list[str]:
    """Return the types that reading a file has to allow beside skops' own."""
    needed: list[str] = _skops_io().get_untrusted_types(file=path)
    return needed


def read_skops(path: Path, uri: str) -> Any:
    """Read an estimator; types that are not known to be safe are not built.

    Raises:
        UntrustedModelError: The file asks for such types.
    """
    io = _skops_io()
    needed = _needed_types(path)
    if unsafe := unsafe_types(needed):
        raise UntrustedModelError(
            f"{uri}: {path.name} asks for types that are not known to be safe: {', '.join(unsafe)}\n"
            "Look at them; if they are what the model is made of, load it with trust=True (--trust)."
        )
    return io.load(path, trusted=needed)


def read_skops_trusted(path: Path) -> Any:
    """Read an estimator with whatever types the file asks for, as the user said that it is trusted."""
    return _skops_io().load(path, trusted=_needed_types(path))


def unsafe_types(names: Iterable[str]) -> list[str]:
    """Return those types that are on no list of safe ones.

    Example:
        >>> unsafe_types(["collections.OrderedDict", "builtins.eval"])
        ['builtins.eval']
    """
    return [name for name in names if not (name in _NAMES or _is_listed_class(name))]


def _is_listed_class(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    return module in _MODULES and isinstance(getattr(import_module(module), attribute, None), type)


def _refuse(unsafe: list[str]) -> None:
    if unsafe:
        raise UnsupportedValueError(f"skops would have to build {', '.join(unsafe)}")


def _skops_io() -> Any:
    try:
        with _without_array_libraries():
            import skops.io
    except ModuleNotFoundError as error:
        raise MissingDependencyError("skops", "sklearn") from error
    return skops.io


@contextmanager
def _without_array_libraries() -> Iterator[None]:
    """Keep skops' look through all modules of scikit-learn from importing torch and others: that takes seconds."""
    hidden = [name for name in _ARRAY_LIBRARIES if "skops.io" not in sys.modules and name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # None: importing it raises
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
