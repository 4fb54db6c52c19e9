"""Run one program inside this process, tracked or not, and write down all that it left behind: see `oracle.py`."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import pickle
import random
import runpy
import sys
import threading
import traceback
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LIBRARIES = ("sklearn", "xgboost", "lightgbm", "catboost", "keras", "lightning", "torch", "statsmodels", "pyspark")
nexts: list[int] = []


def counted(items: Any) -> Iterator[Any]:
    """Yield the items, counting; programs find it as the builtin `counted`."""
    nexts.append(0)
    at = len(nexts) - 1
    for item in items:
        nexts[at] += 1
        yield item


def main() -> None:
    """Run the program and write the report."""
    program, report, track = sys.argv[1], sys.argv[2], sys.argv[3] == "1"
    import builtins

    builtins.counted = counted
    if track:
        import autotrack

        autotrack.enable(to="memory://oracle", log_system_metrics=False, quiet=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        left, error = run(program)
        found: dict[str, Any] = {
            "error": described(error),
            "random": random_states(),
            "nexts": nexts,
            "values": {name: identity(value) for name, value in sorted(left.items()) if is_value(name, value)},
        }
    found["warnings"] = sorted(f"{each.category.__name__}: {each.message}" for each in caught)
    found["runs"] = finish() if track else 0
    del left, error
    gc.collect()
    found["attributes"] = class_attributes()
    found["threads"] = sorted(each.name for each in threading.enumerate() if each.name.startswith("autotrack"))
    found["files"] = open_files()
    Path(report).write_text(json.dumps(found))


def run(program: str) -> tuple[dict[str, Any], BaseException | None]:
    """Run the program as `python PROGRAM` would; return its globals, or the exception it ended with."""
    sys.argv = [program]
    try:
        return runpy.run_path(program, run_name="__main__"), None
    except BaseException as error:  # noqa: BLE001 - whatever it ends with is compared
        return {}, error


def finish() -> int:
    """Stop tracking; return how many runs there are."""
    import autotrack
    from autotrack.testing import MemoryBackend

    autotrack.disable()
    return len(MemoryBackend.named("oracle").runs)


def described(error: BaseException | None) -> list[Any]:
    """Tell an exception with its chain, its notes and the frames that are not ours."""
    if error is None:
        return []
    frames = [
        (frame.name, frame.line)
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.name != "autotrack_observed"
    ]
    notes = list(getattr(error, "__notes__", []))
    return [type(error).__name__, str(error), notes, frames, described(error.__cause__ or error.__context__)]


def is_value(name: str, value: object) -> bool:
    """Say whether a global is a result: no module, class, function or name of Python's own."""
    return not name.startswith("_") and not isinstance(value, (types.ModuleType, type, types.FunctionType))


def identity(value: object) -> str:
    """Return what makes two values equal: the digest of their pickle, else how they look."""
    try:
        return hashlib.sha256(pickle.dumps(value)).hexdigest()
    except Exception:  # noqa: BLE001 - whatever the library raises for what cannot be pickled
        return f"{type(value).__name__} {sorted(vars(value)) if hasattr(value, '__dict__') else ''}"


def random_states() -> dict[str, str]:
    """Return where the global streams of random numbers stand."""
    states: dict[str, Any] = {"random": random.getstate()}
    if "numpy" in sys.modules:
        states["numpy"] = sys.modules["numpy"].random.get_state()
    if "torch" in sys.modules:
        states["torch"] = sys.modules["torch"].get_rng_state().numpy().tobytes()
    return {name: hashlib.sha256(repr(state).encode()).hexdigest() for name, state in states.items()}


def class_attributes() -> dict[str, list[str]]:
    """Return the attributes of every class of the libraries we patch."""
    found = {}
    for owner in (each for each in gc.get_objects() if isinstance(each, type)):
        module = str(getattr(owner, "__module__", ""))
        if module.split(".", maxsplit=1)[0] in LIBRARIES and not module.startswith(("sklearn.externals", "torch._")):
            wrapped = [
                name for name, value in vars(owner).items() if "autotrack" in str(getattr(value, "__code__", ""))
            ]
            if wrapped:
                found[f"{module}.{owner.__qualname__}"] = wrapped
    return found


def open_files() -> list[str]:
    """Return the files this process has open, of those that are ours to close."""
    links = (os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd"))
    return sorted(link for link in links if ".autotrack" in link)


if __name__ == "__main__":
    main()
