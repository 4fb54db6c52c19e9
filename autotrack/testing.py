"""For those who write an integration or a backend, here or elsewhere: a backend in memory, and contracts to subclass.

`IntegrationContract` and `BackendContract` are classes of pytest tests. Subclass one in a test module, fill in what it
asks for, and its tests run for your code as they do for ours. Under `AUTOTRACK_TESTING=1` errors of ours are raised.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("autotrack.contracts.backend", "autotrack.contracts.integration")

from autotrack.contracts.backend import BackendContract  # noqa: E402 - after pytest knows that it holds assertions
from autotrack.contracts.clock import FakeClock  # noqa: E402
from autotrack.contracts.integration import IntegrationContract  # noqa: E402
from autotrack.contracts.memory import MemoryBackend, MemoryRun  # noqa: E402

__all__ = ["BackendContract", "FakeClock", "IntegrationContract", "MemoryBackend", "MemoryRun"]
