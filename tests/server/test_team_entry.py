"""Coming in to a team's server: wrong passwords are counted by all processes, and only a trusted proxy is believed."""

from __future__ import annotations

import base64
import http.client
import json
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.requests import HTTPConnection
from team_server import team_server

from autotrack.cli.app import commands
from autotrack.server.access import DeniedError
from autotrack.server.caller import READER, WRITER
from autotrack.server.team.access import PASSWORD, AccountAccess, Credentials
from autotrack.server.team.attempts import OF_ADDRESS, OF_NAME, PLACES, Attempts
from autotrack.server.team.proxies import Proxies
from autotrack.store import Store
from autotrack.store.accounts.accounts import add_account
from autotrack.store.accounts.tokens import new_token

RIGHT = "correct horse battery"
PROXY, STRANGER = "127.0.0.2", "127.0.0.1"
PLACE = "/api/2.0/mlflow/experiments/get?experiment_id=0"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("entry")


@pytest.fixture(scope="module")
def token(home: Path) -> str:
    with Store.open(home) as store, store.writing() as connection:
        for name in ("ann", "bob", "eve"):
            add_account(connection, name, WRITER, RIGHT)
        add_account(connection, "carl", READER)
        return new_token(connection, "ann")


@pytest.fixture(scope="module")
def port(home: Path, token: str) -> Iterator[int]:
    assert token
    options = ("--workers", "2", "--login-header", "X-Forwarded-User", "--trusted-proxy", PROXY)
    with team_server(home, *options) as url:
        yield int(url.rpartition(":")[2])


def send(port: int, *, path: str = PLACE, source: str = STRANGER, body: str | None = None, **headers: str) -> Any:
    """Send a request from an address of this machine, over a connection of its own: any process may answer."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(source, 0))
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    line.request("GET" if body is None else "POST", path, body, names)
    reply: Any = line.getresponse()
    reply.content = reply.read()
    line.close()
    return reply


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_wrong_passwords_are_limited_in_all_processes_together(port: int, token: str) -> None:
    replies: list[Any] = []
    while len(replies) < 3 * OF_NAME.burst and (not replies or replies[-1].status == 401):
        replies.append(send(port, authorization=basic("ann", f"wrong {len(replies)}")))
    assert [reply.status for reply in replies] == [401] * (len(replies) - 1) + [429]
    assert OF_NAME.burst <= len(replies) - 1 <= OF_NAME.burst + 2  # it drains while we try
    assert 1 <= int(replies[-1].headers["retry-after"]) <= OF_NAME.seconds
    assert json.loads(replies[-1].content)["error_code"] == "REQUEST_LIMIT_EXCEEDED"
    assert send(port, authorization=basic("ann", RIGHT)).status == 429, "the right one is not looked at either"
    form = send(port, path="/login", body=f"name=ann&password={RIGHT}", accept="text/html")
    assert (form.status, "retry-after" in form.headers) == (429, True)
    assert send(port, authorization=f"Bearer {token}").status == 200, "nobody can guess a token"
    assert send(port, authorization=basic("ann", token)).status == 200
    assert send(port, authorization=basic("bob", RIGHT)).status == 200


def test_a_trusted_proxy_says_who_somebody_is(port: int) -> None:
    assert send(port, source=PROXY, x_forwarded_user="bob").status == 200
    body = json.dumps({"experiment_id": "0", "start_time": 1})
    path, kind = "/api/2.0/mlflow/runs/create", "application/json"
    for name, status in (("bob", 200), ("carl", 403)):
        made = send(port, source=PROXY, path=path, body=body, content_type=kind, x_forwarded_user=name)
        assert made.status == status
    page = send(port, source=PROXY, path="/", accept="text/html", x_forwarded_user="carl")
    assert (page.status, b"<html" in page.content) == (200, True)
    unknown = send(port, source=PROXY, x_forwarded_user="mallory")
    assert unknown.status == 403
    assert "no account" in json.loads(unknown.content)["message"]
    assert send(port, source=PROXY).status == 401, "a proxy that names nobody is a stranger"
    assert send(port, source=PROXY, authorization=basic("bob", RIGHT)).status == 200


def test_nobody_else_says_who_somebody_is(port: int, token: str) -> None:
    extras: tuple[dict[str, str], ...] = (
        {},
        {"x_forwarded_for": PROXY},
        {"authorization": f"Bearer {token}"},
        {"forwarded": f"for={PROXY}"},
    )
    for more in extras:
        reply = send(port, x_forwarded_user="bob", **more)
        assert reply.status == 403
        assert "trusted proxy" in json.loads(reply.content)["message"]
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(PROXY, 0))
    line.putrequest("GET", PLACE)
    for name in ("mallory", "bob"):  # what a proxy does that adds instead of replacing
        line.putheader("X-Forwarded-User", name)
    line.endheaders()
    assert line.getresponse().status == 403
    line.close()


def test_options_of_the_command_line_are_checked(tmp_path: Path) -> None:
    for words, reason in (
        (("--login-header", "X-Forwarded-User"), "--trusted-proxy"),
        (("--no-login", "--login-header", "X-Forwarded-User", "--trusted-proxy", PROXY), "leave one"),
        (("--trusted-proxy", "proxy.example.org"), "give an address"),
    ):
        result = CliRunner().invoke(commands, ["--store", str(tmp_path), "server", *words])
        assert result.exit_code == 2
        assert reason in result.output


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "1.2.3.4, 10.0.0.7", "1.2.3.4"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "::ffff:1.2.3.4", "1.2.3.4"),
        ("9.9.9.9", "1.2.3.4", "9.9.9.9"),
        ("10.0.0.1", "nonsense", "nonsense"),
    ],
)
def test_where_a_request_came_from(peer: str, forwarded: str, found: str) -> None:
    headers = [(b"x-forwarded-for", forwarded.encode())]
    request = HTTPConnection({"type": "http", "headers": headers, "client": (peer, 1)})
    assert Proxies(["10.0.0.0/8"]).address_of(request) == found


def test_counts_drain_and_are_kept_apart() -> None:
    memory = array("d", [0.0] * 2 * PLACES)
    attempts = Attempts(memory)
    for _ in range(OF_NAME.burst):
        assert attempts.begin("ann", "1.2.3.4") == 0
    assert 0 < attempts.begin("ann", "1.2.3.4") <= OF_NAME.seconds
    assert attempts.begin("ann", "9.9.9.9") > 0, "a name is limited wherever it is tried"
    assert attempts.begin("bob", "1.2.3.4") == 0
    memory[1::2] = array("d", [since - OF_NAME.seconds for since in memory[1::2]])  # so much later
    assert attempts.begin("ann", "1.2.3.4") == 0
    assert attempts.begin("ann", "1.2.3.4") > 0
    attempts.succeeded("ann", "1.2.3.4")
    assert attempts.begin("ann", "1.2.3.4") == 0


def test_an_address_is_limited_whatever_the_names() -> None:
    attempts = Attempts(array("d", [0.0] * 2 * PLACES))
    waits = [attempts.begin(f"name {number}", f"2001:db8::{number:x}") for number in range(OF_ADDRESS.burst + 1)]
    assert waits[:-1] == [0.0] * OF_ADDRESS.burst
    assert waits[-1] > 0, "one network of IPv6 is one household"
    assert attempts.begin("name", "2001:db8:0:1::1") == 0


def test_a_wrong_name_takes_as_long_as_a_wrong_password(home: Path, token: str) -> None:
    assert token
    with Store.open(home) as store:
        access = AccountAccess(store, secure=False, attempts=Attempts(), proxies=Proxies())

        def seconds(name: str) -> float:
            start = time.thread_time()
            assert access.look_up(Credentials(PASSWORD, name, "wrong password"), "1.2.3.4") is None
            return time.thread_time() - start

        times = {name: min(seconds(name) for _ in range(4)) for name in ("eve", "nobody", "carl")}
        for _ in range(OF_NAME.burst - 4):
            seconds("eve")
        with pytest.raises(DeniedError, match="too many"):
            seconds("eve")
    assert max(times.values()) < 1.5 * min(times.values())
