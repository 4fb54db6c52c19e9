"""What the package imports is declared, and each integration has an extra with exactly the versions it supports."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from autotrack.plugins import BUILTIN, load

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
TEMPLATES = ROOT / "autotrack" / "templates"
SHIPPED = [requirement for name, extra in EXTRAS.items() if name != "dev" for requirement in extra]
STANDARD = sys.stdlib_module_names | {"tomllib"}  # the latter from 3.11 on
ALREADY_THERE = {"dask", "joblib", "plotly", "pyarrow", "pyspark", "pytest", "scipy"}
"""Packages that come with scikit-learn, that the user has imported already, or that run the contracts of `testing`."""


@pytest.mark.parametrize(("name", "path"), BUILTIN.items())
def test_extra_asks_for_what_the_integration_requires(name: str, path: str) -> None:
    integration = load(path)
    assert integration.name == name
    assert integration.requires in EXTRAS[name]


def test_all_has_every_extra_for_users() -> None:
    [everything] = EXTRAS["all"]
    assert set(everything.removeprefix("autotrack[").removesuffix("]").split(",")) == set(EXTRAS) - {"all", "dev"}


def test_every_import_is_declared() -> None:
    declared = set(distributions([*PROJECT["dependencies"], *SHIPPED])) | {"autotrack"}
    providers = packages_distributions()
    undeclared = {
        f"{path.relative_to(ROOT)}: {package}"
        for path in [*ROOT.glob("autotrack/**/*.py"), *ROOT.glob("integrations/**/*.py")]
        if path.parent == TEMPLATES or not path.is_relative_to(TEMPLATES)  # a template's files are a user's project
        for package in imported_packages(path) - ALREADY_THERE
        if not declared & {normalized(name) for name in providers.get(package, [package])}
    }
    assert not undeclared


def imported_packages(path: Path) -> set[str]:
    """Return the top-level packages outside the standard library that a file imports, in functions too."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.append(node.module or "")
    return {name.partition(".")[0] for name in names} - STANDARD


def distributions(requirements: Iterable[str]) -> Iterator[str]:
    """Yield the distribution that each requirement names."""
    for requirement in requirements:
        yield normalized(re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0])


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
