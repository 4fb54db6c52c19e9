"""Files of runs and what stands in their names: S01 to S10, S23, S30, S34, S35, on the running server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ui_server import Client

import autotrack
from autotrack.server.artifacts import file_id
from autotrack.server.routes import ROUTES
from autotrack.store import Store

HOSTILE = [
    "..",
    "../",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e%2fetc/passwd",
    "%252e%252e%252fetc%252fpasswd",
    "..%5c..%5cwindows%5cwin.ini",
    "..\\..\\etc\\passwd",
    "/etc/passwd",
    "//etc/passwd",
    "///proc/self/root/etc/passwd",
    "%2fetc%2fpasswd",
    "C:%5cwindows%5cwin.ini",
    "%5c%5cevil%5cshare",
    "etc/passwd%00.txt",
    "%00",
    "a%0d%0aset-cookie:x=y",
    "file:///etc/passwd",
    "file%3a%2f%2f%2fetc%2fpasswd",
    "http://127.0.0.1:1/",
    "notes.txt",
    "notes.txt%23",
    "notes.txt;x=1",
    "store.db",
    "%2e",
    "....//....//etc/passwd",
    "..;/..;/etc/passwd",
    "%c0%ae%c0%ae/etc/passwd",
    "~root",
    "$HOME",
    "a" * 5000,
]
TEMPLATES = sorted({route.path for route in ROUTES if "{" in route.path})


@pytest.fixture(scope="module")
def run_id(home: Path) -> str:
    with Store.open(home, create=False) as store:
        return store.find_run("run-0").id


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_path_leads_to_a_file(client: Client, run_id: str, hostile: str) -> None:
    for template in TEMPLATES:
        for path in {template.replace("{run_id}", hostile), template.replace("{run_id}", run_id)}:
            wanted = path.replace("{file_id}", hostile).replace("{name}", hostile)
            if hostile not in wanted:
                continue
            reply = client.get(wanted.replace(" ", "%20"), accept="text/html")
            assert reply.status in {400, 404}, wanted
            assert b"root:" not in reply.body
            assert b"SQLite format" not in reply.body
            assert b"plain text" not in reply.body


def test_ids_in_queries_are_checked(client: Client) -> None:
    for hostile in HOSTILE:
        if "a" * 64 not in hostile:
            plain = hostile.replace("\\", "%5c")
            assert client.get(f"/api/points?key=loss&run={plain}").status in {400, 404}
            assert client.get(f"/compare?runs={plain}").status in {400, 404}


def test_files_come_as_downloads_or_in_a_box(client: Client, run_id: str) -> None:
    text = client.get(f"/runs/{run_id}/raw/{file_id('notes.txt')}?inline=1")
    assert text.body == b"plain text\n"
    assert text.headers["content-type"] == "application/octet-stream"
    assert text.headers["content-disposition"] == 'attachment; filename="notes.txt"'
    html = client.get(f"/runs/{run_id}/raw/{file_id('page.html')}?inline=1")
    assert html.headers["content-disposition"].startswith("attachment")
    framed = client.get(f"/runs/{run_id}/frame/{file_id('page.html')}")
    assert framed.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert client.get(f"/runs/{run_id}/frame/{file_id('notes.txt')}").status == 404


def test_page_of_html_frames_it_without_rights(client: Client, run_id: str) -> None:
    page = client.get(f"/runs/{run_id}/files/{file_id('page.html')}", accept="text/html").text
    assert 'sandbox=""' in page
    assert "owned" not in page


def test_ranges_are_ignored(client: Client, run_id: str) -> None:
    many = ",".join(f"{at}-{at}" for at in range(2000))
    reply = client.get(f"/runs/{run_id}/raw/{file_id('notes.txt')}", range=f"bytes={many}")
    assert (reply.status, reply.body) == (200, b"plain text\n")


@pytest.mark.parametrize("kind", ["link", "parent", "fifo", "folder", "gone"])
def test_what_is_no_plain_file_of_the_run_is_refused(
    client: Client, home: Path, run_id: str, tmp_path: Path, kind: str
) -> None:
    """Something else was put where the file lay."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    place = home / "artifacts" / run_id / "notes.txt"
    kept = place.read_bytes()
    place.unlink()
    folder = place.parent
    moved = folder.with_name("moved")
    try:
        if kind == "link":
            place.symlink_to(secret)
        elif kind == "fifo":
            os.mkfifo(place)
        elif kind == "folder":
            place.mkdir()
        elif kind == "parent":
            secret.rename(tmp_path / "notes.txt")
            folder.rename(moved)
            folder.symlink_to(tmp_path)
        reply = client.get(f"/runs/{run_id}/raw/{file_id('notes.txt')}")
        assert reply.status in {404, 503}
        assert b"secret" not in reply.body
        assert client.get(f"/runs/{run_id}/files/{file_id('notes.txt')}").status in {200, 404, 503}
    finally:
        if kind == "parent":
            folder.unlink()
            moved.rename(folder)
        if place.is_dir():
            place.rmdir()
        place.unlink(missing_ok=True)
        place.write_bytes(kept)


def test_names_of_downloads_are_plain(tmp_path: Path, home: Path, client: Client) -> None:
    hostile = ['a"b;.txt', "x\u202egpj.exe", "новый.txt", "..hidden", "a b.txt"]
    autotrack.enable(to=[str(home)], only=[], log_system_metrics=False, capture=[])
    try:
        with autotrack.start_run(name="names") as run:
            for name in hostile:
                autotrack.log_text("x", name)
        autotrack.flush()
    finally:
        autotrack.disable()
    for name in hostile:
        header = client.get(f"/runs/{run.id}/raw/{file_id(name)}").headers["content-disposition"]
        assert header.isascii()
        assert header.count('"') == 2
        assert ".." not in header


def test_server_imports_no_loader_of_models_and_connects_to_nothing(home: Path) -> None:
    """In a process of its own: serve pages of all kinds, and look at what was imported and connected to."""
    program = """
import sys, asyncio, threading
connected, loaded = [], []
def watch(event, arguments):
    if event == "socket.connect": connected.append(arguments[1])
    if event == "pickle.find_class": loaded.append(arguments)
sys.addaudithook(watch)
import http.client, time
from autotrack.place import find_place
from autotrack.server.launch import Server
from autotrack.settings import resolve
server = Server(find_place(resolve(to=[sys.argv[1]]).settings), port=0)
thread = threading.Thread(target=server.run); thread.start()
while not server.started: time.sleep(.01)
port = int(server.address.rpartition(":")[2])
from autotrack.store import Store
with Store.open(sys.argv[1], create=False) as store: run = store.find_run("run-0").id
head = {"Authorization": "Bearer " + server.access.token}
pages = ["/", "/?group=params.lr", f"/compare?runs={run}"]
for path in pages + [f"/runs/{run}{part}" for part in ("", "/evaluation", "/files", "/report")]:
    line = http.client.HTTPConnection("127.0.0.1", port)
    line.request("GET", path, headers=head)
    assert line.getresponse().status == 200, path
    line.close()
server.stop(); thread.join()
allowed = {port}
assert {address[1] for address in connected} <= allowed, connected
assert not loaded, loaded
heavy = {"yaml", "joblib", "cloudpickle", "dill", "torch", "tensorflow", "keras", "sklearn", "skops", "pandas"}
heavy |= {"matplotlib", "mlflow", "multipart", "requests", "plotly"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(home)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_scripts_have_no_way_to_make_html_of_texts() -> None:
    """S26: no sink in our scripts parses a text as HTML or code; DOMParser reads pages of our own server only."""
    sinks = (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "srcdoc",
        "setHTML",
    )
    folder = Path(autotrack.__file__).parent / "server"
    for script in (folder / "static").glob("*.js"):
        text = script.read_text(encoding="utf-8")
        assert not [sink for sink in sinks if sink in text], script.name
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text
    for template in (folder / "templates").glob("*.html"):
        text = template.read_text(encoding="utf-8")
        assert "| safe" not in text
        assert "onclick" not in text
        assert "style=" not in text
        assert "javascript:" not in text
