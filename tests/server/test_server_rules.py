"""What the code of the server may never do, read from its source: S07, S11, S12, S30 to S32 of docs/security.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ui_server import Client

import autotrack
from autotrack.server.routes import ROUTES
from autotrack.store import Store

PACKAGE = Path(autotrack.__file__).parent
SERVER = sorted((PACKAGE / "server").rglob("*.py"))
STORE = sorted((PACKAGE / "store").rglob("*.py"))
LOADERS = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "yaml", "torch", "keras", "skops", "mlflow"}
ARCHIVES = {"tarfile", "zipfile"}
CLIENTS = {"requests", "httpx", "aiohttp", "urllib3", "ftplib", "smtplib", "webbrowser"}
EVALUATORS = {"eval", "exec", "compile", "__import__"}
ASKS_ITSELF = "launch.py"
"""The one module that asks over HTTP: the command, before it serves, whether a server on this machine runs already."""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_the_server_loads_no_objects_and_opens_no_archives() -> None:
    for path in SERVER:
        found = {name.partition(".")[0] for name in imports(path)} & (LOADERS | ARCHIVES)
        assert not found, f"{path} imports {found}"
        models = {name for name in imports(path) if name.startswith(("autotrack.models.load", "autotrack.serving"))}
        assert not models, f"{path} imports {models}"


def test_the_server_asks_no_other_server() -> None:
    """S11: no address that a client sent is fetched, because nothing that could fetch it is there."""
    for path in SERVER:
        names = set(imports(path))
        assert not {name.partition(".")[0] for name in names} & CLIENTS, path
        if path != PACKAGE / "server" / ASKS_ITSELF:
            assert not {name for name in names if name.startswith(("urllib.request", "http.client"))}, path


def test_redirects_lead_to_addresses_that_stand_in_the_code() -> None:
    """S12: each begins with one slash in a literal of ours."""
    found = 0
    for path in SERVER:
        for name, call in calls(path):
            if name.endswith("RedirectResponse"):
                found += 1
                for text in (node.value for node in ast.walk(call.args[0]) if isinstance(node, ast.Constant)):
                    assert isinstance(text, str)
                    assert text.startswith("/"), f"{path}: {text}"
                    assert not text.startswith("//")
    assert found >= 3


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "%2f%2fevil.example"])
def test_no_route_redirects_where_a_client_says(client: Client, target: str) -> None:
    for route in ROUTES:
        path = route.path.replace("{run_id}", "a" * 32).replace("{file_id}", "a" * 32).replace("{name}", "x")
        if path == "/api/events":  # goes on for ever
            continue
        query = "&".join(f"{name}={target}" for name in ("next", "to", "url", "redirect", "return", "continue"))
        reply = client.get(f"{path.replace('{version}', '1')}?{query}")
        assert "evil" not in reply.headers.get("location", ""), path


def test_paths_with_two_slashes_are_no_other_server(client: Client) -> None:
    for path in ("//evil.example", "//evil.example/%2e%2e", "/\\evil.example", "///evil.example/"):
        reply = client.get(path)
        assert reply.status in {400, 404}
        assert "location" not in reply.headers


def test_nothing_that_a_client_sends_is_code() -> None:
    """S31: the filter language has a parser of its own."""
    for path in [*SERVER, *STORE]:
        assert not [name for name, _ in calls(path) if name in EVALUATORS], path


def test_no_text_is_given_to_a_shell() -> None:
    """S32, in the whole package: programs are started from lists of arguments."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for name, call in calls(path):
            assert name not in {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}, path
            shells = [word for word in call.keywords if word.arg == "shell"]
            assert all(isinstance(word.value, ast.Constant) and word.value.value is False for word in shells), path
            if name in {"subprocess.run", "subprocess.Popen", "subprocess.check_output", "subprocess.call"}:
                assert not isinstance(call.args[0], ast.Constant | ast.JoinedStr), path


def test_names_are_decoded_once(client: Client) -> None:
    """S03, S20: what is still encoded after that is part of the name, and no name is tidied."""
    with Store.open(client.server.place.home, create=False) as store:
        run = store.find_run("run-0").id
    for spelling in (f"%{ord(run[0]):02x}{run[1:]}", run):
        assert client.get(f"/runs/{spelling}").status == 200
    for spelling in (f"%25{ord(run[0]):02x}{run[1:]}", f"{run}%20", f"%20{run}", run.upper(), f"{run}.", f"{run}%00"):
        assert client.get(f"/runs/{spelling}").status == 404, spelling


def test_secrets_are_compared_in_constant_time() -> None:
    """S22: tokens, tickets and sessions meet `compare_digest`, or are looked up by their hash."""
    source = (PACKAGE / "server" / "access.py").read_text(encoding="utf-8")
    assert "compare_digest" in source
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(isinstance(one, ast.Eq | ast.NotEq) for one in node.ops):
            assert not re.search(r"token|ticket|session", ast.unparse(node)), ast.unparse(node)


def test_the_list_names_tests_that_exist() -> None:
    root = Path(__file__).parents[2]
    text = (root / "docs" / "security.md").read_text(encoding="utf-8")
    files = {path.name: path for path in (root / "tests").rglob("test_*.py")}
    named = re.findall(r"`(test_\w+\.py)(?:::(\w+))?`", text)
    assert len(named) > 40
    for file, test in named:
        assert f"def {test}" in files[file].read_text(encoding="utf-8"), (file, test)
    assert {f"S{number:02}" for number in range(1, 37)} - set(re.findall(r"^\| (S\d\d) ", text, re.MULTILINE)) == {
        "S28",
        "S29",
    }
