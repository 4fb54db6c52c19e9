"""Who may do what on a team's server: every route asks, roles count in single experiments, removed accounts are out."""

from __future__ import annotations

import base64
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.routing import BaseRoute, Mount
from team_server import ask, team_server

from autotrack.cli.app import commands
from autotrack.errors import AccountError
from autotrack.server.caller import ADMIN, NOBODY, READER, WRITER, Caller
from autotrack.server.team.access import REMEMBER_SECONDS
from autotrack.server.team.app import PUBLIC, TEAM_ROUTES
from autotrack.store import Store
from autotrack.store.accounts.accounts import add_account, change_account, list_accounts, remove_account
from autotrack.store.accounts.grants import grant
from autotrack.store.accounts.passwords import check_password, hash_password
from autotrack.store.accounts.tokens import find_account, new_token

PASSWORD = "correct horse battery"


def paths(routes: list[BaseRoute], prefix: str = "") -> Iterator[str]:
    for route in routes:
        if isinstance(route, Mount):
            yield from paths(list(route.routes), prefix + route.path)
        else:
            yield re.sub(r"\{[^}]+\}", "a" * 32, prefix + route.path)


ADDRESSES = sorted(set(paths(TEAM_ROUTES)) - PUBLIC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("accounts")


@pytest.fixture(scope="module")
def tokens(home: Path) -> dict[str, str]:
    with Store.open(home) as store, store.writing() as connection:
        for name, role in (("reader", READER), ("writer", WRITER), ("admin", ADMIN), ("none", NOBODY)):
            add_account(connection, name, role, PASSWORD if name == "writer" else None)
        return {name: new_token(connection, name) for name in ("reader", "writer", "admin", "none")}


@pytest.fixture(scope="module")
def url(home: Path, tokens: dict[str, str]) -> Iterator[str]:
    with team_server(home) as address:
        yield address


def call(url: str, token: str, path: str, body: Any = None) -> tuple[int, Any]:
    method, place = ("GET", path) if body is None else ("POST", path)
    return ask(url, method, f"/api/2.0/mlflow/{place}", body, authorization=f"Bearer {token}")


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_strangers_get_nothing_from_any_route(url: str) -> None:
    assert len(ADDRESSES) > 120
    for path in [*ADDRESSES, "/nothing", "/open", "/api/tickets"]:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            status, answer = ask(url, method, path, None if method == "GET" else {})
            assert status == 401, (method, path)
            if path.startswith(("/api/2.0", "/api/3.0", "/ajax-api")):
                assert answer["error_code"] == "UNAUTHENTICATED"


def test_who_cannot_show_an_account_is_a_stranger(url: str, tokens: dict[str, str]) -> None:
    for wrong in (
        "Bearer x",
        "Bearer at_x",
        basic("writer", "wrong"),
        basic("nobody", PASSWORD),
        "Basic !!!",
        basic("reader", tokens["writer"]),
        basic("reader", ""),
        "Digest x",
        "Bearer \xff",
    ):
        assert ask(url, "GET", "/api/2.0/mlflow/experiments/get?experiment_id=0", authorization=wrong)[0] == 401, wrong
    for right in (f"Bearer {tokens['reader']}", basic("writer", PASSWORD), basic("reader", tokens["reader"])):
        assert ask(url, "GET", "/api/2.0/mlflow/experiments/get?experiment_id=0", authorization=right)[0] == 200, right


def test_mlflows_client_signs_in(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "writer")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    assert "Default" in [found.name for found in mlflow.MlflowClient(url).search_experiments()]
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wrong password")
    with pytest.raises(mlflow.MlflowException, match=r"401|sign in"):
        mlflow.MlflowClient(url).search_experiments()


def test_roles(url: str, tokens: dict[str, str]) -> None:
    run = {"experiment_id": "0", "start_time": 1}
    assert call(url, tokens["reader"], "runs/create", run)[1]["error_code"] == "PERMISSION_DENIED"
    run_id = call(url, tokens["writer"], "runs/create", run)[1]["run"]["info"]["run_id"]
    assert call(url, tokens["reader"], f"runs/get?run_id={run_id}")[0] == 200
    assert call(url, tokens["none"], f"runs/get?run_id={run_id}")[0] == 403
    assert call(url, tokens["writer"], "runs/delete", {"run_id": run_id})[0] == 403
    assert call(url, tokens["admin"], "runs/delete", {"run_id": run_id})[0] == 200
    assert call(url, tokens["reader"], "registered-models/create", {"name": "m"})[0] == 403
    assert call(url, tokens["none"], "registered-models/search")[0] == 403
    assert call(url, tokens["none"], "experiments/search?max_results=10") == (200, {})
    assert call(url, tokens["none"], "runs/search", {"experiment_ids": ["0"]}) == (200, {})


def test_roles_in_single_experiments(url: str, home: Path, tokens: dict[str, str]) -> None:
    made = [call(url, tokens["admin"], "experiments/create", {"name": name})[1]["experiment_id"] for name in ("x", "y")]
    with Store.open(home) as store, store.writing() as connection:
        add_account(connection, "guest", NOBODY)
        grant(connection, "guest", int(made[0]), WRITER)
        guest = new_token(connection, "guest")
    runs = [
        call(url, tokens["writer"], "runs/create", {"experiment_id": one})[1]["run"]["info"]["run_id"] for one in made
    ]
    assert [call(url, guest, f"runs/get?run_id={run}")[0] for run in runs] == [200, 403]
    metric = {"key": "m", "value": 1, "timestamp": 1}
    assert [call(url, guest, "runs/log-metric", {"run_id": run, **metric})[0] for run in runs] == [200, 403]
    for number, run in enumerate(runs):
        place = (
            f"/api/2.0/mlflow-artifacts/artifacts/{made[0]}/{run}/artifacts/a.txt"  # the experiment in it is no matter
        )
        status, _ = ask(url, "PUT", place, b"x", authorization=f"Bearer {guest}")
        assert status == (200, 403)[number]
    found = call(url, guest, "runs/search", {"experiment_ids": made})[1]["runs"]
    assert [run["info"]["run_id"] for run in found] == runs[:1]
    listed = call(url, guest, "experiments/search?max_results=10")[1]["experiments"]
    assert [one["name"] for one in listed] == ["x"]
    query = "&".join(f"run_ids={run}" for run in runs)
    assert call(url, guest, f"metrics/get-history-bulk-interval?{query}&metric_key=m")[0] == 403
    for path in ("/", f"/runs/{runs[0]}", "/api/keys", "/metrics"):  # pages show all experiments
        assert ask(url, "GET", path, authorization=f"Bearer {guest}")[0] == 403


def test_who_makes_an_experiment_may_do_all_in_it(url: str, tokens: dict[str, str]) -> None:
    mine = call(url, tokens["writer"], "experiments/create", {"name": "mine"})[1]["experiment_id"]
    time.sleep(REMEMBER_SECONDS)  # until the server asks the store again
    assert (
        call(url, tokens["writer"], "experiments/update", {"experiment_id": mine, "new_name": "still mine"})[0] == 200
    )
    assert call(url, tokens["writer"], "experiments/update", {"experiment_id": "0", "new_name": "not mine"})[0] == 403


def test_a_browser_signs_in_and_out(url: str) -> None:
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    def send(path: str, body: bytes | None = None, cookie: str = "") -> Any:
        request = urllib.request.Request(url + path, body, {"cookie": cookie, "accept": "text/html"})
        try:
            reply: Any = urllib.request.build_opener(Stay).open(request)
        except urllib.error.HTTPError as error:
            reply = error
        with reply:
            reply.text = reply.read().decode()
        return reply

    assert send("/").status == 401
    assert "password" in send("/login").text
    assert send("/login", b"name=writer&password=wrong").status == 401
    reply = send("/login", f"name=writer&password={PASSWORD.replace(' ', '+')}".encode())
    cookie = reply.headers["set-cookie"]
    assert (reply.status, reply.headers["location"]) == (303, "/")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    session = cookie.partition(";")[0]
    assert send("/", cookie=session).status == 200
    assert send("/logout", b"", cookie=session).status == 303
    assert send("/", cookie=session).status == 401


def test_other_sites_and_names_are_refused(url: str, tokens: dict[str, str]) -> None:
    token = f"Bearer {tokens['admin']}"
    body = {"experiment_id": "0"}
    for headers in ({"origin": "https://evil.example"}, {"sec_fetch_site": "cross-site"}, {"origin": "null"}):
        assert ask(url, "POST", "/api/2.0/mlflow/runs/create", body, authorization=token, **headers)[0] == 403
    assert (
        ask(url, "GET", "/api/2.0/mlflow/experiments/get?experiment_id=0", authorization=token, host="evil.example")[0]
        == 421
    )
    answer = ask(
        url,
        "POST",
        "/api/2.0/mlflow/runs/create",
        body,
        authorization=token,
        content_type="text/plain",
        **{"content-type": "text/plain"},
    )
    assert answer[1]["error_code"] == "BAD_REQUEST"


def test_removed_accounts_are_out_within_seconds(url: str, home: Path) -> None:
    with Store.open(home) as store:
        with store.writing() as connection:
            add_account(connection, "leaver", WRITER)
            token = new_token(connection, "leaver")
        assert call(url, token, "experiments/get?experiment_id=0")[0] == 200
        with store.writing() as connection:
            remove_account(connection, "leaver")
    time.sleep(REMEMBER_SECONDS)
    assert call(url, token, "experiments/get?experiment_id=0")[0] == 401


def test_secrets_are_kept_as_hashes(home: Path, tokens: dict[str, str]) -> None:
    content = b"".join(path.read_bytes() for path in home.glob("store.db*"))
    assert PASSWORD.encode() not in content
    assert not any(token.encode() in content for token in tokens.values())
    kept = hash_password(PASSWORD)
    assert kept != hash_password(PASSWORD)
    assert check_password(PASSWORD, kept)
    assert not check_password(f"{PASSWORD} ", kept)


def test_accounts_and_tokens_have_rules(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store, store.writing() as connection:
        add_account(connection, "a", READER)
        for name, password, match in (("a", None, "already"), ("x:y", None, "colon"), ("b", "short", "12 characters")):
            with pytest.raises(AccountError, match=match):
                add_account(connection, name, READER, password)
        old = new_token(connection, "a", days=1e-12)
        assert find_account(connection, old, "token") is None
        session = new_token(connection, "a", kind="session", days=1)
        assert find_account(connection, session, "token") is None
        assert find_account(connection, session, "session") is not None
        change_account(connection, "a", role=ADMIN, password=PASSWORD)
        assert find_account(connection, session, "session") is None
        assert [(one.role, one.has_password) for one in list_accounts(connection)] == [(ADMIN, True)]


def test_roles_are_a_ladder() -> None:
    caller = Caller("x", READER, {1: WRITER, 2: NOBODY})
    assert [caller.may(READER, one) for one in (None, 1, 2, 3)] == [True, True, False, True]
    assert [caller.may(WRITER, one) for one in (None, 1, 2, 3)] == [False, True, False, False]
    assert not caller.may_everywhere(READER)
    assert Caller("x", ADMIN, {2: NOBODY}).may_everywhere(ADMIN)  # nobody takes an admin anything


def test_the_command_line_manages_accounts(tmp_path: Path) -> None:
    def run(*words: str, text: str = "") -> str:
        result = CliRunner().invoke(
            commands, ["--store", str(tmp_path), "server", *words], input=text, standalone_mode=False
        )
        assert result.exit_code in {0, 1}
        return result.stdout if result.exit_code == 0 else result.stderr

    assert run("users", "add", "ann", "--role", "admin").startswith("at_")
    run("users", "add", "bob", "--password", text=f"{PASSWORD}\n{PASSWORD}\n")
    assert "bob\twriter\tpassword" in run("users", "ls")
    token = run("tokens", "add", "bob", "--label", "ci", "--days", "30").strip()
    assert "ci\t20" in run("tokens", "ls", "bob")
    run("tokens", "rm", "bob", "2")
    with Store.open(tmp_path) as store, store.reading() as connection:
        assert find_account(connection, token, "token") is not None  # the first one is gone, this is the other
    run("users", "change", "bob", "--role", "reader")
    run("users", "rm", "ann")
    assert run("users", "ls") == "bob\treader\tpassword\t1 tokens\n"
    assert "there is no account 'ann'" in run("tokens", "add", "ann")
