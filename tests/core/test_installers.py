"""uv finds the packages that pip would find: on a real index on loopback, which only pip was told of."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import uv

from autotrack.installers import as_uv_variables, variables_for

METADATA = "Metadata-Version: 2.1\nName: only-here\nVersion: 1.5\n"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "simple" / "only-here"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "only_here-1.5-py3-none-any.whl", "w") as wheel:
        wheel.writestr("only_here.py", "")
        wheel.writestr("only_here-1.5.dist-info/METADATA", METADATA)
        wheel.writestr(
            "only_here-1.5.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("only_here-1.5.dist-info/RECORD", "")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/simple"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which neither pip nor uv is told anything, and nothing leads to this Python."""
    told = ("PIP_", "UV_", "XDG_", "PYTHON", "VIRTUAL_ENV")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(told)}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "XDG_CONFIG_HOME": str(tmp_path / "config")}


@pytest.mark.parametrize("by", ["variable", "extra", "file"])
def test_uv_installs_from_the_index_of_pip(index: str, bare: dict[str, str], tmp_path: Path, by: str) -> None:
    if by == "file":
        (tmp_path / "pip.conf").write_text(f"[install]\nindex-url = {index}\n")
        told = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}
    else:
        told = {"PIP_INDEX_URL": index, **({"PIP_EXTRA_INDEX_URL": f"{index} {index}"} if by == "extra" else {})}
    program = uv.find_uv_bin()
    words = [
        "pip",
        "install",
        "--no-cache",
        "--target",
        str(tmp_path / "there"),
        "--python",
        sys.executable,
        "only-here",
    ]
    done = subprocess.run(
        [program, *words], env=variables_for(program, {**bare, **told}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "there" / "only_here.py").exists()


def test_what_uv_is_told_itself_counts(bare: dict[str, str], tmp_path: Path) -> None:
    told = {**bare, "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    own = {**told, "UV_INDEX_URL": "http://127.0.0.1:8/simple"}
    assert variables_for("uv", own) == own
    (tmp_path / "config" / "uv").mkdir(parents=True)
    (tmp_path / "config" / "uv" / "uv.toml").write_text("")
    assert variables_for("uv", told) == told


def test_other_programs_get_what_there_is_without_what_leads_here(bare: dict[str, str]) -> None:
    leading = {"PYTHONPATH": "x", "PYTHONHOME": "y", "VIRTUAL_ENV": "z"}
    assert variables_for("/usr/bin/python", {**bare, **leading, "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}) == {
        **bare,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    }


def test_settings_of_pip_as_uv_has_them() -> None:
    settings = {
        "extra-index-url": "\nhttps://one.example/simple\nhttps://two.example/simple",
        "find-links": "/wheels /more",
        "trusted-host": "one.example two.example",
        "cert": "/etc/ssl/company.pem",
        "timeout": "60",
    }
    assert as_uv_variables(settings) == {
        "UV_INDEX": "https://one.example/simple https://two.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/wheels,/more",
        "UV_INSECURE_HOST": "one.example two.example",
        "SSL_CERT_FILE": "/etc/ssl/company.pem",
    }
