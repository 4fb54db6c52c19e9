"""Fixtures of the core: a backend in memory behind the public verbs."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from autotrack import recording
from autotrack.settings import resolve
from autotrack.testing import MemoryBackend


@pytest.fixture
def memory() -> Iterator[MemoryBackend]:
    """Record into memory, without patching anything; `recording.open_recorder().flush()` brings it up to date."""
    name = os.urandom(4).hex()
    recording.configure(resolve(to=f"memory://{name}", log_system_metrics=False, capture=[]).settings)
    yield MemoryBackend.named(name)
    recording.close_recorder()
    recording.forget_settings()
