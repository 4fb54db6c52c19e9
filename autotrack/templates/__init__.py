"""What `autotrack init` writes: an ordinary project, of the files in `common/` and those of the template."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from autotrack.errors import AutotrackError

FOLDER = Path(__file__).parent
COMMON = "common"
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "sklearn-tabular": ("pandas>=2.0", "scikit-learn>=1.4"),
    "xgboost": ("pandas>=2.0", "scikit-learn>=1.4", "xgboost>=2.0"),
    "keras": ("keras>=3.5", "pandas>=2.0", "scikit-learn>=1.4", "tensorflow>=2.16"),
    "lightning": ("lightning>=2.2", "pandas>=2.0", "safetensors>=0.4", "scikit-learn>=1.4"),
    "torch": ("pandas>=2.0", "safetensors>=0.4", "scikit-learn>=1.4", "torch>=2.3"),
}
"""Name of each template, and what its project needs beside autotrack."""
_HIDDEN = {"gitignore": ".gitignore"}  # under its own name, it would hide files of ours from git
_CACHES = {"__pycache__", ".ruff_cache"}  # of tools that have looked at the files here
_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


class TemplateError(AutotrackError, ValueError):
    """A project cannot be made as asked."""


def write_project(template: str, directory: Path, name: str) -> list[Path]:
    """Write a new project.

    Args:
        template: One of `PACKAGES`.
        directory: Where to; a folder that is empty or not there.
        name: Of the project, its experiment and its registered model: lower case letters, digits, "-" and "_".

    Returns:
        The files, relative to the folder.

    Raises:
        TemplateError: There is no such template, the name is none, or something lies in the folder.

    Example:
        >>> import tempfile
        >>> files = write_project("sklearn-tabular", Path(tempfile.mkdtemp()), "tumours")
        >>> Path("train.py") in files
        True
    """
    if template not in PACKAGES:
        raise TemplateError(f"there is no template {template!r}; there are: {', '.join(PACKAGES)}")
    if not _NAME.fullmatch(name):
        raise TemplateError(f"{name!r} is no name for a project: use lower case letters, digits, '-' and '_'")
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise TemplateError(f"{directory} is not empty; name a new folder")
    words = {
        "PROJECT": name,
        "TEMPLATE": template,
        "PACKAGES": '",\n    "'.join(PACKAGES[template]),
    }
    files = {**_files(FOLDER / COMMON), **_files(FOLDER / template)}
    for place, source in files.items():
        target = directory / place
        target.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        target.write_text(re.sub(rf"\b({'|'.join(words)})\b", lambda found: words[found[0]], text), encoding="utf-8")
    return sorted(files)


def _files(folder: Path) -> dict[Path, Path]:
    """Return the files of a template by their place in the project."""
    found = (path for path in folder.rglob("*") if path.is_file() and not _CACHES & set(path.parts))
    return {(path.relative_to(folder)).with_name(_HIDDEN.get(path.name, path.name)): path for path in found}
