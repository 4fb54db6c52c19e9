"""The fixtures of `tests/store_fixtures.py`, and one MLflow server for all tests here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # test folders are no packages

from faulty_proxy import Proxy
from mlflow_server import mlflow_server
from store_fixtures import backend, context, store, store_url

__all__ = ["backend", "context", "store", "store_url"]


@pytest.fixture(scope="session")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a running MLflow server."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@pytest.fixture
def proxy(mlflow_url: str) -> Iterator[Proxy]:
    """Return a proxy before that server."""
    proxy = Proxy(mlflow_url)
    yield proxy
    proxy.stop()


@pytest.fixture(autouse=True)
def no_mlflow_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no address or credentials of the developer's reach a test."""
    for name in ("URI", "USERNAME", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    monkeypatch.setenv("HOME", "/nonexistent")
