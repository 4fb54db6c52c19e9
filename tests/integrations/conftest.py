"""What the tests of integrations share: tracking into memory, with everything that takes no part left out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import autotrack
from autotrack.testing import MemoryBackend, MemoryRun

sys.path.insert(0, str(Path(__file__).parents[1]))  # test folders are no packages: for `lightning_models`


class Recorded:
    """What was recorded so far; reading it waits until all is delivered."""

    def __init__(self, name: str) -> None:
        self.url = f"memory://{name}"
        self._backend = MemoryBackend.named(name)

    @property
    def runs(self) -> list[MemoryRun]:
        autotrack.flush()
        return self._backend.runs

    @property
    def roots(self) -> list[MemoryRun]:
        autotrack.flush()
        return self._backend.roots

    @property
    def only(self) -> MemoryRun:
        (run,) = self.roots
        return run

    def children(self, run: MemoryRun) -> list[MemoryRun]:
        return [other for other in self.runs if other.parent_id == run.id]


@pytest.fixture
def recorded(request: pytest.FixtureRequest) -> Iterator[Recorded]:
    """Track into memory for the length of a test."""
    found = Recorded(request.node.nodeid)
    autotrack.enable(to=found.url, capture=[], log_system_metrics=False)
    yield found
    autotrack.disable()
