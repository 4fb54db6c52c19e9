"""Let the Python modules that come with a model be imported while it is loaded."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from autotrack.models.stored import StoredModel

_importing = threading.RLock()


@contextmanager
def code_on_path(model: StoredModel, folder: str | None) -> Iterator[None]:
    """Put a folder of the model on `sys.path`; modules come from their sources alone, as compiled caches have no hash.

    Args:
        model: The model.
        folder: Within it; None for a model without code files.
    """
    if not folder:
        yield
        return
    path = str(model.file(folder))
    with _importing, TemporaryDirectory() as cache:
        if path not in sys.path:
            sys.path.insert(0, path)  # and stays there: a model may import more while it predicts
        before, sys.pycache_prefix = sys.pycache_prefix, cache
        try:
            yield
        finally:
            sys.pycache_prefix = before
