"""A `python` in front of the project's own, that has each script it is given recorded.

A project's command is text for the shell (`python prepare.py && python train.py`), so nothing can be inserted into it
safely. A folder that stands first in PATH can: its `python` starts `python -m autotrack run SCRIPT` with the next
`python` of the PATH. It takes itself out of the PATH, so that what a program starts in turn is left alone.
"""

from __future__ import annotations

from pathlib import Path

PROGRAMS = ("python", "python3")

_SCRIPT = r"""#!/bin/sh
# Made by `autotrack run` for the command of a project; gone when that ends.
PATH=${{PATH#"${{0%/*}}:"}}
export PATH
flags=
while :; do
  case "$1" in
    -u | -B | -O | -OO | -q | -s) flags="$flags $1"; shift ;;
    -W | -X) flags="$flags $1 $2"; shift 2 ;;
    -m) shift; exec {program} $flags -m autotrack run -m "$@" ;;
    -* | "") exec {program} $flags "$@" ;;
    *) exec {program} $flags -m autotrack run "$@" ;;
  esac
done
"""


def write_shims(folder: Path) -> None:
    """Write a shim for each name of Python into an empty folder."""
    for program in PROGRAMS:
        path = folder / program
        path.write_text(_SCRIPT.format(program=program), encoding="utf-8")
        path.chmod(0o755)
