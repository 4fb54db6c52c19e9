"""The flavor of PyTorch modules, saved whole as `torch.save` writes them; `models.weights` saves the weights alone."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from autotrack.active import paused
from autotrack.models.flavors.base import Flavor, Predict
from autotrack.models.integrity import require_trust
from autotrack.models.requirements import installed_version
from autotrack.models.snapshot import CLOUDPICKLE, Snapshot, take_snapshot
from autotrack.models.stored import StoredModel

if TYPE_CHECKING:
    import torch

_FOLDER = "data"
_DATA = f"{_FOLDER}/model.pth"
_PICKLE_INFO = f"{_FOLDER}/pickle_module_info.txt"
_EXPORTED = "model.pt2"


def take_module(module: torch.nn.Module, path: Path) -> Snapshot:
    """Write a whole module to `path`; the file appears complete or not at all.

    What wraps a module for speed or for several devices (`torch.compile`, `DataParallel`, `DistributedDataParallel`) is
    left out. A class that only this program knows is written by value, with cloudpickle.

    Args:
        module: The module; it is not changed.
        path: Where the bytes go, below an existing directory.

    Raises:
        AutotrackError: The module cannot be pickled, or the file cannot be written.

    Example:
        >>> import torch
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> take_module(torch.nn.Linear(2, 1), Path(mkdtemp()) / "snapshot").format
        'pickle'
    """
    return take_snapshot(innermost(module), path, dump=_save, predicts=True)


def innermost(module: torch.nn.Module) -> torch.nn.Module:
    """Return the user's own module inside what wraps it for speed or for several devices."""
    from torch.nn.parallel import DataParallel, DistributedDataParallel

    while True:
        if isinstance(module, (DataParallel, DistributedDataParallel)):
            module = module.module
        elif "_orig_mod" in vars(module).get("_modules", ()):  # torch.compile
            module = module._modules["_orig_mod"]  # type: ignore[assignment]  # noqa: SLF001 - it has no other name
        else:
            return module


def pytorch_flavor(snapshot: Snapshot) -> Flavor:
    """Describe a saved module as `mlflow.pytorch` does."""
    return Flavor(
        name="pytorch",
        data=_DATA,
        settings={
            "code": None,
            "model_data": _FOLDER,
            "pytorch_version": installed_version("torch"),
        },
        python_function={"loader_module": "mlflow.pytorch", "pickle_module_name": "pickle", "data": _FOLDER},
        packages=("mlflow", "numpy", "torch", *(("cloudpickle",) if snapshot.format == CLOUDPICKLE else ())),
        pickle=True,
        texts={_PICKLE_INFO: "pickle"},  # what cloudpickle wrote, pickle reads
    )


def _save(module: torch.nn.Module, path: Path, pickler: Any) -> set[str]:
    """Save with a pickler that notes what loading imports; torch makes one itself, of the class it is given."""
    import torch

    seen: set[str] = set()

    class NotingPickler(pickler):  # type: ignore[misc]
        def __init__(self, file: Any, protocol: int) -> None:  # noqa: ARG002 - all are of one protocol
            super().__init__(file)
            seen.update(self.modules)
            self.modules: set[str] = seen

    standing_in: Any = SimpleNamespace(__name__=pickle.__name__, Pickler=NotingPickler)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
    with paused():
        torch.save(module, path, pickle_module=standing_in)
    return seen


def load(model: StoredModel, *, trust: bool) -> Any:
    """Load a module that we or MLflow saved, on the CPU and ready to predict.

    Raises:
        UntrustedModelError: It is not trusted. A whole module is a pickle, and an exported one may hold pickles.
    """
    import torch

    folder = model.flavors["pytorch"]["model_data"]
    exported = (model.path / folder / _EXPORTED).exists()
    name = f"{folder}/{_EXPORTED if exported else Path(_DATA).name}"
    require_trust(model, name, "may hold pickles" if exported else "is a pickle", trust=trust)
    if exported:
        return torch.export.load(model.file(name)).module()
    return torch.load(model.file(name), map_location="cpu", weights_only=False).eval()


def predictor(module: Any, model: StoredModel) -> Predict:  # noqa: ARG001 - all flavors are asked alike
    """Return how the module predicts: arrays in, arrays out, without gradients; tables become arrays of float32."""
    import torch

    def predict(data: Any, params: Any) -> Any:
        with torch.no_grad():
            found = module(_tensors(data), **params)
        return _arrays(found)

    return predict


def _tensors(data: Any) -> Any:
    """Return tensors of arrays; of several by name, a dict of them."""
    import numpy as np
    import torch

    if isinstance(data, dict):
        return {name: _tensors(value) for name, value in data.items()}
    if hasattr(data, "iloc"):
        return torch.from_numpy(data.to_numpy(dtype=np.float32))
    return torch.from_numpy(np.array(data))  # a copy: the module may write into it


def _arrays(found: Any) -> Any:
    """Return arrays of tensors, in whatever tuple, list or dict they stand."""
    if isinstance(found, (list, tuple)):
        return [_arrays(item) for item in found]
    if isinstance(found, dict):
        return {name: _arrays(item) for name, item in found.items()}
    return found.detach().cpu().numpy()
