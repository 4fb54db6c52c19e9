"""Runs in Weights & Biases' offline files, read back with its own protos."""

from __future__ import annotations

from wandb_files import read_runs

from autotrack.backends import open_backend
from autotrack.backends.base import Backend, BackendContext
from autotrack.testing import BackendContract, MemoryRun


class TestWandb(BackendContract):
    def open(self, context: BackendContext) -> Backend:
        return open_backend("wandb://team/churn?mode=offline", context)

    def read(self, context: BackendContext, run_id: str) -> MemoryRun:
        return read_runs(context.home)[run_id].as_memory()
