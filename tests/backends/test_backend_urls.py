"""Backends are found by URL, and passwords in URLs are not shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autotrack import backends
from autotrack.backends import BackendContext, open_backend, redact_url, schemes
from autotrack.backends.sql import SqlBackend
from autotrack.errors import UnknownBackendError


@pytest.mark.parametrize("target", ["home", "sqlite:///home", "sqlite:///home/store.db", Path("home")])
def test_paths_and_sqlite_urls_open_the_store(target: str | Path, context: BackendContext, tmp_path: Path) -> None:
    backend = open_backend(target, context)
    backend.close()
    assert isinstance(backend, SqlBackend)
    assert (tmp_path / "home" / "store.db").exists()


@pytest.mark.parametrize("target", [r"C:\runs", "C:/runs", "./a:b", "/x/y"])
def test_paths_with_colons_are_paths(target: str) -> None:
    assert backends._SCHEME.match(target) is None


def test_unknown_schemes_are_named_with_a_suggestion(context: BackendContext) -> None:
    with pytest.raises(UnknownBackendError, match=r"postgresq://.*Did you mean postgresql://\?.*sqlite://"):
        open_backend("postgresq://host/x", context)
    with pytest.raises(UnknownBackendError, match="no backend takes zzz://"):
        open_backend("zzz:whatever", context)


def test_other_packages_offer_backends(
    context: BackendContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "autotrack_other-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: autotrack-other\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[autotrack.backends]\nother = autotrack_other:OtherBackend\n")
    (tmp_path / "autotrack_other.py").write_text(
        "class OtherBackend:\n    def __init__(self, url, context):\n        self.arguments = (url, context)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert open_backend("other://x", context).arguments == ("other://x", context)  # type: ignore[attr-defined]
    assert "other" in schemes()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@host/runs", "postgresql://me:***@host/runs"),
        ("https://host/x?api_key=secret&page=2&sslpassword=x", "https://host/x?api_key=***&page=2&sslpassword=***"),
        ("https://me@host/x", "https://me@host/x"),
        ("postgresql://me:p@ss:w@host/x", "postgresql://me:***@host/x"),
        ("https://[broken:secret@host", "https://***"),
        ("a/path:with@signs", "a/path:with@signs"),
    ],
)
def test_passwords_are_hidden(url: str, shown: str) -> None:
    assert redact_url(url) == shown


def test_choosing_a_backend_imports_no_database() -> None:
    code = "import sys, autotrack.backends; sys.exit('sqlalchemy' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
