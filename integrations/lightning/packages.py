"""The two packages that Lightning comes in, `lightning` and `pytorch_lightning`: alike, and strangers to each other."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

PACKAGES = {"lightning": "lightning.pytorch", "pytorch_lightning": "pytorch_lightning"}
"""What is installed -> where the trainer is found in it."""


def trainer_package(module: ModuleType) -> ModuleType:
    """Return the package that holds `Trainer`, of the one that the user imported."""
    return importlib.import_module(PACKAGES[module.__name__])


def base_classes(name: str) -> tuple[Any, ...]:
    """Return the classes called `name` of every Lightning that is imported, so that each accepts what inherits them.

    Where none is imported yet, one that is installed will be.

    Raises:
        ModuleNotFoundError: There is none.
    """
    loaded = [place for place in PACKAGES.values() if place in sys.modules]
    packages = [importlib.import_module(place) for place in loaded or [_installed()]]
    return tuple(getattr(importlib.import_module(f"{package.__name__}.{_HOMES[name]}"), name) for package in packages)


_HOMES = {"Callback": "callbacks", "Logger": "loggers"}


def _installed() -> str:
    for name, place in PACKAGES.items():
        if importlib.util.find_spec(name) is not None:
            return place
    raise ModuleNotFoundError("there is no Lightning here; run: pip install 'autotrack[lightning]'")
