"""Which installed distributions the process has imported, and in which version.

`importlib.metadata.packages_distributions` reads the file list of everything installed (0.4 s in a usual environment).
Here a module is looked up where it was loaded from: by its own name among the names of the `*.dist-info` folders beside
it, and only where that fails, by its file among the lists of installed files there. Answers are kept for the process,
so that asking again costs a look at the modules that are new.
"""

from __future__ import annotations

import json
import os
import re
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import msgspec

_METADATA_FOLDER = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info$")
_DEEPEST = 3  # google/cloud/storage/__init__.py


class Distribution(msgspec.Struct, frozen=True):
    """An installed distribution.

    Attributes:
        name: Normalised as in PEP 503: lower case, words joined by "-".
        version: As installed, with the local part ("2.1.0+cu121").
        folder: Its metadata folder.
    """

    name: str
    version: str
    folder: str


_found: dict[str, Distribution | None] = {}


def imported_packages() -> dict[str, str]:
    """Return name and version of each distribution that a module of this process was imported from, sorted by name.

    Example:
        >>> imported_packages()["msgspec"] == msgspec.__version__
        True
    """
    modules = sys.modules.copy()
    for name in [name for name in modules if name not in _found]:  # two threads at once find the same
        _found[name] = _resolve(name, modules[name], modules)
    distributions = {found for name in modules if (found := _found[name])}
    return {found.name: found.version for found in sorted(distributions, key=lambda found: found.name)}


def requirements() -> list[str]:
    """Return `imported_packages` as lines of a requirements file: `["numpy==2.4.6", ...]`, sorted."""
    return [f"{name}=={version}" for name, version in imported_packages().items()]


def _resolve(name: str, module: ModuleType, modules: dict[str, ModuleType]) -> Distribution | None:
    """Find the distribution of a top-level module, or of a module directly below a namespace package."""
    parent = name.rpartition(".")[0]
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or (parent and not _is_namespace(modules.get(parent))):
        return None
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        return None
    site = _site_folder(name, file)
    installed = _installed(site) if site else ()
    same_name = next((found for found in installed if found.name == _normalise(name)), None)
    if same_name:
        return same_name
    relative = os.path.relpath(file, site).replace(os.sep, "/") if site else ""
    return _owner(relative, installed) or _editable(top)


def _is_namespace(module: ModuleType | None) -> bool:
    return module is not None and hasattr(module, "__path__") and getattr(module, "__file__", None) is None


def _site_folder(name: str, file: str) -> str:
    """Return the folder on the import path that the module's file was found from."""
    levels = name.count(".") + (2 if os.path.basename(file).startswith("__init__.") else 1)
    return str(Path(file).parents[levels - 1]) if levels <= len(Path(file).parents) else ""


@lru_cache(maxsize=64)
def _installed(folder: str) -> tuple[Distribution, ...]:
    try:
        names = os.listdir(folder)
    except OSError:  # an archive, or gone
        return ()
    matches = ((name, _METADATA_FOLDER.match(name)) for name in names)
    return tuple(
        Distribution(_normalise(match["name"]), match["version"], os.path.join(folder, name))
        for name, match in matches
        if match
    )


def _owner(relative: str, installed: tuple[Distribution, ...]) -> Distribution | None:
    """Find the distribution whose list of files holds `relative`."""
    return next((found for found in installed if relative in _installed_files(found.folder)), None)


@lru_cache(maxsize=4096)
def _installed_files(folder: str) -> frozenset[str]:
    """Return the files of a distribution that can be those of a top-level module or a part of a namespace package."""
    try:
        record = Path(folder, "RECORD").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    paths = (line.partition(",")[0] for line in record.splitlines())
    return frozenset(path for path in paths if path.count("/") <= _DEEPEST)


@lru_cache(maxsize=256)
def _editable(name: str) -> Distribution | None:
    """Find an editable installation by its name: its files lie elsewhere, its metadata on the import path."""
    candidates = (found for folder in tuple(sys.path) for found in _installed(folder) if found.name == _normalise(name))
    return next((found for found in candidates if _is_editable(found.folder)), None)


def _is_editable(folder: str) -> bool:
    try:
        origin = json.loads(Path(folder, "direct_url.json").read_bytes())
    except (OSError, ValueError):
        return False
    return bool(isinstance(origin, dict) and origin.get("dir_info", {}).get("editable"))


def _normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
