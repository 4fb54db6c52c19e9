"""For those who write an integration or a backend, here or elsewhere: a backend in memory, and contracts to subclass.

`IntegrationContract` and `BackendContract` are classes of pytest tests. Subclass one in a test module, fill in what it
asks for, and its tests run for your code as they do for ours. Under `AUTOTRACK_TESTING=1` errors of ours are raised.
"""

from __future__ import annotations

from autotrack.contracts.backend import BackendContract
from autotrack.contracts.clock import FakeClock
from autotrack.contracts.integration import IntegrationContract
from autotrack.contracts.memory import MemoryBackend, MemoryRun

__all__ = ["BackendContract", "FakeClock", "IntegrationContract", "MemoryBackend", "MemoryRun"]
