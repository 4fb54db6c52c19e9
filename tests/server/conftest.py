"""The fixtures of `tests/ui_server.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # test folders are no packages

from ui_server import client, home, server

__all__ = ["client", "home", "server"]
