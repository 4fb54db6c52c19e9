"""Run other people's programs bare and under `autotrack run`, and compare what they print, write and end with.

    python tests/compat/programs.py DIR [WORD ...] [--timeout 600]

`DIR/<owner>/<repository>/…` holds the programs, unchanged, at their own paths (`catalogue.py` lists which, and at which
commit), beside what `program_data.py DIR` writes for those that read data. With words, only programs with one of them
in their path. Prints a Markdown table. Exit status 0: every program did the same both ways, and as many runs were
recorded as it trains. Where two bare runs differ already, a program is not held to it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from catalogue import PROGRAMS, Program
from observing import Observation, differences, observe, without

HERE = Path(__file__).resolve().parent
HEADER = "| program | commit | same output | trainings | runs |\n|---|---|---|---|---|"


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare each program that is there; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--timeout", type=float, default=600)
    options = parser.parse_args(arguments)
    there = [program for program in PROGRAMS if program.source(options.folder).exists()]
    chosen = [program for program in there if not options.words or any(word in program.name for word in options.words)]
    print(HEADER, flush=True)
    outcomes = [compare(program, options.folder.resolve(), options.timeout) for program in chosen]
    return 0 if outcomes and all(outcomes) else 1


def compare(program: Program, folder: Path, timeout: float) -> bool:
    """Run one program both ways; print its row, and below it what differs. Return whether all was as it should be."""
    with tempfile.TemporaryDirectory() as directory:
        place = Place(program, folder, Path(directory), timeout)
        bare, tracked = place.run(track=False), place.run(track=True)
        differing = [] if bare == tracked else differences(bare, tracked, place.run(track=False))
        runs = place.recorded()
    unended = [run for run in runs if run["status"] not in ("finished", "failed")]
    same = f"no: {len(differing)}" if differing else "yes"
    ended = f" (exit status {bare.status})" if bare.status else ""
    print(f"| `{program.name}` | {program.commit} | {same}{ended} | {program.trainings} | {len(runs)} |")
    for line in differing[:12]:
        print("   ", line[:300])
    expected = len(runs) == program.trainings and not unended
    if not expected:
        print("    runs:", ", ".join(f"{run['name']} ({run['source']}, {run['status']})" for run in runs))
    if bare.status:
        print("    ended with", bare.streams["stderr"][-1:])
    sys.stdout.flush()
    return expected and not differing


class Place:
    """Where one program runs, each time in a fresh copy of its repository at the same path."""

    def __init__(self, program: Program, folder: Path, scratch: Path, timeout: float) -> None:
        """Use `scratch` for the copy and for the store of the tracked run."""
        self.program, self.folder, self.timeout = program, folder, timeout
        self.work, self.store = scratch / "work", scratch / "store"

    def run(self, *, track: bool) -> Observation:
        """Run the program once."""
        python = [sys.executable]
        launcher = [*python, "-m", "autotrack", "run", "--to", str(self.store)] if track else python
        path = Path(self.program.path)
        command = [*launcher, path.name, *self.program.arguments]
        source = self.folder / self.program.repository
        observed = observe(command, source, self.work, str(path.parent), self.environment(), self.timeout)
        return without(observed, self.program.workers)

    def environment(self) -> dict[str, str]:
        """Return what makes a program repeat itself and find its data."""
        paths = [str(HERE / "seeded"), os.environ.get("PYTHONPATH", "")]
        return {
            "AUTOTRACK_QUIET": "1",
            "AUTOTRACK_EXIT_TIMEOUT": "120",
            "CUDA_VISIBLE_DEVICES": "",
            "MPLBACKEND": "Agg",
            "OMP_NUM_THREADS": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "SCIKIT_LEARN_DATA": str(self.folder / "data" / "sklearn"),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_ENABLE_ONEDNN_OPTS": "0",
        }

    def recorded(self) -> list[dict[str, str]]:
        """Return the root runs in the store."""
        if not self.store.exists():
            return []
        listing = [sys.executable, "-m", "autotrack", "ls", "--json", "--limit", "0", "--store", str(self.store)]
        done = subprocess.run(listing, capture_output=True, text=True, check=True)
        found: list[dict[str, str]] = json.loads(done.stdout or "[]")
        return found


if __name__ == "__main__":
    sys.exit(main())
