"""Trackio's database, Comet's archives and ClearML's sessions, written offline and read back."""

from __future__ import annotations

from pathlib import Path

import pytest
from offline_archives import read_clearml, read_comet, read_trackio

from autotrack.backends import open_backend
from autotrack.backends.base import Backend, BackendContext
from autotrack.testing import BackendContract, MemoryRun


@pytest.mark.slow  # each test starts a process that imports the SDK for seconds
class TestTrackio(BackendContract):
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from trackio import sqlite_storage, utils

        monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))  # for the process of the backend
        for module in (sqlite_storage, utils):  # and for the reader, which took it over when it was imported
            monkeypatch.setattr(module, "TRACKIO_DIR", tmp_path / "trackio")

    def open(self, context: BackendContext) -> Backend:
        return open_backend("trackio://churn", context)

    def read(self, context: BackendContext, run_id: str) -> MemoryRun:
        return read_trackio("churn", run_id)


@pytest.mark.slow
class TestComet(BackendContract):
    def open(self, context: BackendContext) -> Backend:
        return open_backend("comet://team/churn", context)

    def read(self, context: BackendContext, run_id: str) -> MemoryRun:
        return read_comet(context.home / "comet", run_id)


class TestClearML(BackendContract):
    def open(self, context: BackendContext) -> Backend:
        return open_backend(f"clearml://{context.home}/sessions", context)

    def read(self, context: BackendContext, run_id: str) -> MemoryRun:
        return read_clearml(context.home / "sessions", run_id)
