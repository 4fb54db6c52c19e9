"""Find the distributions a model needs, with the exact versions of this process.

Modules come from the snapshot; `importlib.metadata` says which distribution each belongs to. No subprocess is started,
the model is not loaded again, and the map of the environment (a fraction of a second in a large one) is built once.
"""

from __future__ import annotations

import functools
import importlib.metadata
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec


class Requirements(msgspec.Struct, frozen=True):
    """What must be installed to load a model.

    Attributes:
        pinned: `name==version`, sorted by name; only the name where the distribution is not installed here.
        unpackaged: Modules of no installed distribution, such as a file beside the training script. Whoever loads the
            model must have them on the path.
    """

    pinned: tuple[str, ...]
    unpackaged: tuple[str, ...]


def resolve_requirements(modules: Iterable[str], packages: Iterable[str] = ()) -> Requirements:
    """Pin the distributions that own the modules, and the packages named outright.

    Args:
        modules: Import names, such as `Snapshot.modules`. The standard library's are left out.
        packages: Distribution names that are needed whatever the modules are.

    Returns:
        The pinned distributions and the modules that none provides.

    Example:
        >>> resolve_requirements(["numpy._core.multiarray", "collections"]).pinned  # doctest: +SKIP
        ('numpy==2.4.6',)
    """
    names = set(packages)
    unpackaged = set()
    for module in modules:
        if module.partition(".")[0] in sys.stdlib_module_names:
            continue
        owners = find_distributions(module)
        names.update(owners)
        if not owners:
            unpackaged.add(module)
    return Requirements(tuple(pin(name) for name in sorted(names, key=str.lower)), tuple(sorted(unpackaged)))


def pin(name: str) -> str:
    """Return `name==version`, or only the name if it is not installed."""
    version = installed_version(name)
    # A local label ("2.1+cu118") names a build that package indexes do not have.
    return name if version is None else f"{name}=={version.partition('+')[0]}"


@functools.cache
def installed_version(name: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def find_distributions(module: str) -> tuple[str, ...]:
    """Return the distributions that provide a module: none, one, or all that share its exact name.

    Args:
        module: A dotted import name.
    """
    owners = sorted(_distributions_by_package().get(module.partition(".")[0], ()))
    if len(owners) > 1:  # a namespace, such as "google": ask for the one that has the file
        owners = [owner for owner in owners if _has_module(owner, module)] or owners
    return tuple(owners)


@functools.cache
def _distributions_by_package() -> Mapping[str, set[str]]:
    """Map top-level import names to distributions; Python 3.10's own map misses wheels without `top_level.txt`."""
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for distribution in importlib.metadata.distributions():
        for package in _top_level_names(distribution):
            owners[package].add(distribution.name)
    return owners


def _top_level_names(distribution: importlib.metadata.Distribution) -> set[str]:
    listed = distribution.read_text("top_level.txt")
    if listed:
        return set(listed.split())
    modules = (file for file in distribution.files or () if file.suffix in {".py", ".so", ".pyd"})
    return {module.parts[0].partition(".")[0] for module in modules}


def _has_module(distribution: str, module: str) -> bool:
    stem = module.replace(".", "/")
    names = (file.as_posix() for file in importlib.metadata.files(distribution) or ())
    return any(name.startswith((f"{stem}.", f"{stem}/")) for name in names)
