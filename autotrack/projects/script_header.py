"""Read the header in which a script says what it needs (PEP 723)."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from autotrack.projects.definition import Packages, ProjectError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
"""The expression that PEP 723 gives."""


def read_header(script: Path) -> Packages | None:
    """Return what a script's `# /// script` block asks for, or None where it has none.

    Raises:
        ProjectError: There are several such blocks, or it is no TOML.
    """
    blocks = [
        found["content"]
        for found in _BLOCK.finditer(script.read_text(encoding="utf-8", errors="replace"))
        if found["type"] == "script"
    ]
    if not blocks:
        return None
    if len(blocks) > 1:
        raise ProjectError(f"{script} has several `# /// script` blocks; keep one")
    text = "".join(line[2:] if line.startswith("# ") else line[1:] for line in blocks[0].splitlines(keepends=True))
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProjectError(f"{script}: its `# /// script` block cannot be read: {error}") from error
    return Packages(content.get("requires-python", ""), tuple(content.get("dependencies", ())))
