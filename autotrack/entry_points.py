"""Find the entry points of one group in the installed distributions, without the cost of `importlib.metadata`.

`enable()` may take 20 ms. Importing `importlib.metadata` alone takes about 15, and it parses the entry points of every
distribution; here only files that name the group are parsed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any


def entry_points(group: str) -> Iterator[tuple[str, str]]:
    """Yield name and "module:object" of each entry point of a group; of two with one name, the first on `sys.path`.

    Args:
        group: Such as "autotrack.backends".
    """
    seen: set[str] = set()
    for directory in dict.fromkeys(sys.path):
        for text in _files_that_name(group, directory or "."):
            for name, value in _section(text, group):
                if name not in seen:
                    seen.add(name)
                    yield name, value


def load(path: str) -> Any:
    """Import the object behind "module:object" or "module:class.method"."""
    module, _, attributes = path.partition(":")
    found: Any = import_module(module)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    return found


def _files_that_name(group: str, directory: str) -> Iterator[str]:
    try:
        entries = [entry.path for entry in os.scandir(directory) if entry.name.endswith((".dist-info", ".egg-info"))]
    except OSError:  # sys.path may name zip files and directories that do not exist
        return
    for path in sorted(entries):
        try:
            with open(os.path.join(path, "entry_points.txt"), encoding="utf-8") as file:
                text = file.read()
        except OSError:
            continue
        if f"[{group}]" in text:
            yield text


def _section(text: str, group: str) -> Iterator[tuple[str, str]]:
    inside = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            inside = line == f"[{group}]"
        elif inside and "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield name.strip(), value.partition("[")[0].strip()
