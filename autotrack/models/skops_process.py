"""What the process does that converts the pickles of estimators into skops files; see `converter` for who asks.

skops imports all of scikit-learn, which imports every array library that it finds. No model that is converted here
needs them, and without them the process is there in a fraction of the time.
"""

from __future__ import annotations

import faulthandler
import sys
from functools import lru_cache
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

from autotrack.errors import MissingDependencyError, UnsupportedValueError
from autotrack.models.skops_file import convert_file, convert_pickle

PATIENCE = 60.0
"""Seconds for one model, the imports of the first included; where it takes longer, the process ends itself."""
IDLE = 20.0
"""Seconds without a model after which the process ends itself: until then it holds 100 to 200 MB."""
REMEMBERED = 4
"""How many of the last models are kept: a loop often trains the same one again."""
UNNEEDED = frozenset(
    {"cupy", "dask", "jax", "matplotlib", "pandas", "polars", "pyarrow", "pytest", "tensorflow", "torch"}
)


class Absent(MetaPathFinder):
    """Makes libraries look as if they were not installed."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:  # noqa: ARG002 - the protocol
        """Refuse what is not needed, and leave the rest to others."""
        if fullname in UNNEEDED:
            raise ModuleNotFoundError(f"{fullname} is not imported here", name=fullname)


def answer(request: tuple[str, str]) -> dict[str, Any]:
    """Convert one pickle.

    Args:
        request: The pickle, and the skops file to write.

    Returns:
        `needed`, the types that reading the file has to allow, or `obstacle`, why there is no such file.
    """
    if not any(isinstance(finder, Absent) for finder in sys.meta_path):
        sys.meta_path.insert(0, Absent())
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    source, path = map(Path, request)
    try:
        return {"needed": convert_file(source, path, _converted)}
    except (UnsupportedValueError, MissingDependencyError) as error:
        return {"obstacle": str(error)}
    finally:
        faulthandler.dump_traceback_later(IDLE, exit=True)


_converted = lru_cache(maxsize=REMEMBERED)(convert_pickle)
