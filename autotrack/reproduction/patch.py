"""Make a recorded patch one that can be applied: check where it leads, and fill in what was masked in old lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from autotrack.capture.secret_text import MASK
from autotrack.errors import ReproductionError

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@")


def check_paths(paths: Iterable[str], source: str) -> None:
    """Refuse files outside the repository, and git's own.

    Args:
        paths: As a patch or an archive names them.
        source: What to call it in the message.

    Raises:
        ReproductionError: A path is absolute, leads upward, or into `.git`.
    """
    for path in paths:
        parts = PurePosixPath(path.replace("\\", "/")).parts
        if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0] or ".git" in map(str.lower, parts):
            raise ReproductionError(
                f"the {source} of this run names {path!r}, outside of its repository; it is refused"
            )


def unmask(patch: str, read: Callable[[str], str]) -> str:
    """Fill in the lines of a patch that the commit has: context, and what was removed.

    Args:
        patch: Recorded text, with masks.
        read: Returns the text of a file in the commit.

    Returns:
        The patch; masks remain only in lines that the run had added.
    """
    lines = patch.split("\n")
    old: list[str] = []
    at = -1
    path = ""
    for number, line in enumerate(lines):
        if line.startswith("diff --git "):
            at = -1
        elif at < 0 and line.startswith("--- a/"):
            path, old = line.removeprefix("--- a/").rstrip("\t"), []
        elif hunk := _HUNK.match(line):
            at = max(int(hunk[1]) - 1, 0)
        elif at >= 0 and line[:1] in {" ", "-"}:
            if MASK in line:
                old = old or read(path).split("\n")
                lines[number] = line[0] + old[at]
            at += 1
    return "\n".join(lines)
