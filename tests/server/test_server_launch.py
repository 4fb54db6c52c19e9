"""`autotrack ui` and `autotrack.show()`: they start in time, find each other, and end without a trace."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from ui_server import record_runs

import autotrack
from autotrack.errors import RunNotFoundError
from autotrack.server import notebook
from autotrack.server.launch import Server, ServerError
from autotrack.server.report_file import MODULES, bundle

COMMAND = [sys.executable, "-m", "autotrack", "ui", "--no-browser", "--json", "--port", "0"]


def follow(address: str) -> tuple[int, str]:
    """Return the status of an address, and where it leads."""
    host, _, rest = address.removeprefix("http://").partition("/")
    with closing(http.client.HTTPConnection(host, timeout=10)) as line:
        line.request("GET", f"/{rest}")
        answer = line.getresponse()
        return answer.status, answer.headers["location"]


def test_command_opens_within_two_seconds_and_ends_quietly(tmp_path: Path) -> None:
    home = record_runs(tmp_path / "home")
    start = time.monotonic()
    process = subprocess.Popen(
        [*COMMAND, "--store", str(home)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    answer = ""
    while not answer.rstrip().endswith("}"):
        answer += process.stdout.readline()
    address = json.loads(answer)["address"]
    assert follow(address) == (303, "/")
    taken = time.monotonic() - start
    again = subprocess.run([*COMMAND, "--store", str(home)], capture_output=True, text=True, timeout=30, check=True)
    found = json.loads(again.stdout)
    assert found["started"] is False
    assert found["address"].partition("/open")[0] == address.partition("/open")[0]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert "Traceback" not in errors
    assert not (home / "server.json").exists()
    assert taken < 2.0 * max(os.getloadavg()[0] / (os.cpu_count() or 1), 1.0)


def test_show_opens_the_page_in_a_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_STORE", str(record_runs(tmp_path / "home")))
    try:
        shown = autotrack.show("run-1", height=400)
        bundle_of_types = shown._repr_mimebundle_()
        assert 'height="400"' in bundle_of_types["text/html"]
        assert shown.address in repr(shown)
        assert autotrack.show().address.partition("/open")[0] == shown.address.partition("/open")[0]
        status, place = follow(shown.address)
        assert status == 303
        assert place.startswith("/runs/")
        with pytest.raises(RunNotFoundError):
            autotrack.show("nothing")
    finally:
        notebook.stop()


def test_address_that_is_not_here(tmp_path: Path) -> None:
    from autotrack.place import find_place
    from autotrack.settings import resolve

    place = find_place(resolve(to=[str(tmp_path)]).settings)
    with pytest.raises(ServerError, match=r"cannot listen on 192\.0\.2\.1"):
        Server(place, host="192.0.2.1")


def test_port_that_is_taken_gives_way_to_another(tmp_path: Path) -> None:
    from autotrack.place import find_place
    from autotrack.settings import resolve

    place = find_place(resolve(to=[str(tmp_path)]).settings)
    first = Server(place, port=0)
    second = Server(place, port=int(first.address.rpartition(":")[2]))
    assert first.address != second.address
    first.close()
    second.close()


def test_modules_of_a_report_do_not_collide() -> None:
    """In a report they are one script: no two may give something the same name."""
    names: list[str] = []
    for line in bundle().splitlines():
        words = line.replace("async ", "").replace("*", "").split("(")[0].split()
        if words[:1] and words[0] in {"const", "let", "function", "class"} and line[:1] not in {" ", "\t"}:
            names.append(words[1])
    assert len(names) > 50
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)
    assert "import " not in bundle()
    assert "</script" not in bundle().lower()
    assert len(MODULES) == len(set(MODULES))


def test_example_runs(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "web_page.py"
    done = subprocess.run(
        [sys.executable, str(example), "--once"], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("autotrack is shown at http://localhost:")
    assert "Traceback" not in done.stderr
