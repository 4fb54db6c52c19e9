"""The fixtures of `tests/store_fixtures.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # test folders are no packages

from store_fixtures import backend, context, store, store_url

__all__ = ["backend", "context", "store", "store_url"]
