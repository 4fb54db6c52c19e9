"""What a program shows to the world: exit status, what it prints, and the files it leaves.

Two observations of one program are compared line by line and file by file. Durations, addresses and the intermediate
states of progress bars follow the clock, not the program, and are left out. Where two bare runs differ all the same
(several processes that print at once, seeds from the system), a third is held to what those two share.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

VARIABLE = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"0x[0-9a-f]{6,}"), "0x…"),
    (re.compile(r"\b\d+(\.\d+)?(e-\d+)? ?(ns|us|µs|ms|s|secs?|seconds?|minutes?)\b(/step|/epoch)?"), "…s"),
    (re.compile(r"\b\d+:\d\d(:\d\d)?\b"), "…s"),
    (re.compile(r"/tmp/[A-Za-z]*[a-z0-9_]{8}\b"), "/tmp/…"),
    (re.compile(r"tfevents\.[^/]*"), "tfevents"),
    (re.compile(r"(tcp|http)://127\.0\.0\.1:\d+"), "…://127.0.0.1"),
)
CLOCKED = re.compile(
    r"[\d.?]+ ?(it/s|s/it)\b"  # tqdm
    r"|^\s*\d+/\d+ ━"  # Keras
    r"|^\[LightGBM\] \[Info\] Auto-choosing|^You can set `force_|^And if memory is not enough"  # it times both ways
)
FINAL = re.compile(r"^\s*(\d+)/\1 ")


@dataclass(frozen=True)
class Observation:
    """One run of a program."""

    status: int
    streams: Mapping[str, tuple[str, ...]]
    files: Mapping[str, str]  # digests of those written or changed


def differences(bare: Observation, tracked: Observation, again: Observation) -> list[str]:
    """Return how a tracked run differs from a bare one, a line each; `again` is a second bare one."""
    found = []
    if bare.status != tracked.status:
        found.append(f"exit status {bare.status} bare, {tracked.status} tracked")
    for name, lines in bare.streams.items():
        found += [f"{name}: {line}" for line in _in_a_stream(lines, tracked.streams[name], again.streams[name])]
    for name in sorted(bare.files.keys() | tracked.files.keys()):
        if bare.files.get(name) != tracked.files.get(name) and bare.files.get(name) == again.files.get(name):
            found.append(f"file {name}: {bare.files.get(name)} bare, {tracked.files.get(name)} tracked")
    return found


def _in_a_stream(bare: Sequence[str], tracked: Sequence[str], again: Sequence[str]) -> list[str]:
    if bare == again:
        return list(difflib.unified_diff(bare, tracked, "bare", "tracked", lineterm="", n=0))[2:]
    missing = (Counter(bare) & Counter(again)) - Counter(tracked)
    return [f"-{line}" for line in missing.elements()]


def without(observation: Observation, pattern: str) -> Observation:
    """Return an observation without the lines that a pattern is found in."""
    own = {
        name: tuple(line for line in lines if not re.search(pattern, line))
        for name, lines in observation.streams.items()
    }
    return Observation(observation.status, own, observation.files)


def observe(
    command: Sequence[str], source: Path, work: Path, folder: str, environment: Mapping[str, str], timeout: float
) -> Observation:
    """Run a command in `folder` of a fresh copy of `source`, which is made at `work`.

    Raises:
        subprocess.TimeoutExpired: The program took longer than `timeout` seconds.
    """
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(source, work)
    before = digests(work)
    done = subprocess.run(
        command,
        cwd=work / folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )
    after = digests(work)
    written = {masked(name): digest for name, digest in after.items() if before.get(name) != digest}
    removed = dict.fromkeys(before.keys() - after.keys(), "removed")
    streams = {"stdout": clean(done.stdout), "stderr": clean(done.stderr)}
    return Observation(done.returncode, streams, written | removed)


def clean(text: str) -> tuple[str, ...]:
    """Return the lines of a text without what follows the clock."""
    every = [masked(line).rstrip() for line in re.split(r"[\r\n]+", text.replace("\b", ""))]
    kept = [line for line in every if line and (not CLOCKED.search(line) or FINAL.search(line))]
    return tuple(line for line, _ in groupby(kept))  # the last state of a progress bar may be drawn several times


def masked(line: str) -> str:
    """Return a line with durations, addresses and the like replaced."""
    for pattern, replacement in VARIABLE:
        line = pattern.sub(replacement, line)
    return line


def digests(folder: Path) -> dict[str, str]:
    """Return a digest of each file below a folder; compiled modules are the interpreter's."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
