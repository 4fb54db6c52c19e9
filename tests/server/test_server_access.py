"""Who may come in, under which name, from where: S14 to S22 of docs/security.md, on the running server."""

from __future__ import annotations

import http.client
import re
import socket
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ui_server import Client

from autotrack.server.guard import BODY_BYTES, PUBLIC
from autotrack.server.hosts import AllowedHosts, is_loopback, parse_host
from autotrack.server.launch import Server, ask_entrance, find_running
from autotrack.server.routes import ROUTES

ADDRESSES = sorted({re.sub(r"\{\w+\}", "a" * 32, route.path) for route in ROUTES} - PUBLIC)
EDIT = {"action": "rename", "runs": ["a" * 32], "name": "x"}
REGISTRY_EDIT = {"action": "delete", "model": "x"}
CHANGES = [
    ("/api/runs", EDIT),
    ("/api/models", REGISTRY_EDIT),
    ("/api/views", {"name": "v", "query": ""}),
    ("/api/tickets", {}),
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", [*ADDRESSES, "/nothing", "//", "/static/../open"])
def test_strangers_get_nothing(client: Client, method: str, path: str) -> None:
    reply = client.send(method, path)
    assert reply.status == 401
    assert not any(name == "set-cookie" for name in reply.headers)


def test_wrong_secrets_are_refused(client: Client) -> None:
    port = client.port
    for headers in (
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic " + client.server.access.token},
        {"authorization": "Bearer"},
        {"cookie": f"autotrack_{port}=wrong"},
        {"cookie": f"autotrack_{port + 1}={client.server.access.token}"},
        {"cookie": f"autotrack_{port}={client.server.access.token}"},  # the token is no session
        {"authorization": "Bearer \xff"},
    ):
        assert client.send("GET", "/", headers).status == 401, headers
    assert client.send("GET", f"/?token={client.server.access.token}").status == 401


def test_ticket_opens_one_session_and_leaves_the_address(client: Client) -> None:
    ticket = client.server.access.new_ticket()
    first = client.send("GET", f"/open?token={ticket}")
    assert first.status == 303
    assert first.headers["location"] == "/"
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert ticket not in cookie
    assert client.send("GET", "/", {"cookie": cookie.partition(";")[0]}).status == 200
    assert client.send("GET", f"/open?token={ticket}").status == 401


@pytest.mark.parametrize("target", ["//evil.example", "https:evil", "../x", "\\\\evil", "%2f%2fevil", "a/b"])
def test_entrance_leads_nowhere_else(client: Client, target: str) -> None:
    ticket = client.server.access.new_ticket()
    assert client.send("GET", f"/open?token={ticket}&to={target}").headers["location"] == "/"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1.evil.example:{port}",
        "10.evil.example:{port}",
        "localhost.evil.example",
        "localhost@evil.example",
        "127.0.0.1:{port}@evil.example",
        "127.0.0.2:{port}",
        "[::2]:{port}",
        "[::1",
        "localhost:{port}:1",
        "",
        "localhost/..",
        "2130706433",
    ],
)
def test_other_names_are_refused(client: Client, host: str) -> None:
    assert client.get("/", host=host.format(port=client.port), Host=host.format(port=client.port)).status in {400, 421}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:{port}", "127.0.0.1:1", "[::1]:{port}", "[0:0:0:0:0:0:0:1]"])
def test_own_names_are_answered(client: Client, host: str) -> None:
    assert client.send("GET", "/", {**client.token, "Host": host.format(port=client.port)}).status == 200


def test_two_hosts_are_refused(client: Client) -> None:
    with socket.create_connection(("127.0.0.1", client.port)) as line:
        line.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n"
            b"Authorization: Bearer " + client.server.access.token.encode() + b"\r\nConnection: close\r\n\r\n"
        )
        assert b" 200 " not in line.recv(100)


@given(st.text(max_size=60))
def test_no_text_passes_as_a_host_by_accident(text: str) -> None:
    allowed = AllowedHosts()
    if text in allowed:
        host = parse_host(text)
        assert host is not None
        assert str(host.name) in {"localhost", "127.0.0.1", "::1"}


def test_names_of_this_machine() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("localhost")
    assert is_loopback("::1")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("example.org")
    assert "10.1.2.3:80" in AllowedHosts(["10.1.2.3"])
    assert "10.evil.example:80" not in AllowedHosts(["10.1.2.3"])


@pytest.mark.parametrize(("path", "content"), CHANGES)
@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site", "origin": "https://evil.example"},
        {"sec_fetch_site": "same-site", "origin": "http://localhost:8888"},
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec_fetch_site": "none", "origin": "https://evil.example"},
    ],
)
def test_other_sites_change_nothing(client: Client, path: str, content: Any, headers: dict[str, str]) -> None:
    assert client.post(path, content, **headers).status == 403


def test_other_sites_read_nothing(client: Client) -> None:
    for mode in ("cors", "no-cors"):
        for path in ("/", "/api/keys", "/static/main.js", "/export/runs.csv"):
            assert client.get(path, sec_fetch_site="cross-site", sec_fetch_mode=mode).status == 403
    assert client.get("/api/keys", sec_fetch_site="cross-site", sec_fetch_mode="navigate").status == 403
    assert client.get("/", sec_fetch_site="cross-site", sec_fetch_mode="navigate").status == 200  # a link


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"])
def test_only_json_is_taken(client: Client, kind: str) -> None:
    assert client.post("/api/runs", EDIT, content_type=kind, **{"content-type": kind}).status == 415


def test_reading_never_changes_anything(client: Client) -> None:
    for path in ("/api/runs", "/api/models", "/api/views", "/api/tickets"):
        assert client.get(path).status == 405


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/keys", "/static/main.js", "/api/points", "/runs/" + "a" * 32])
def test_every_answer_says_what_browsers_may_do(client: Client, path: str) -> None:
    stranger: dict[str, str] = {}
    for headers in (client.token, stranger):
        reply = client.send("GET", path, {**headers, "accept": "text/html"})
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"
        assert reply.headers["cache-control"] in {"no-store", "no-cache"}
        assert "access-control-allow-origin" not in reply.headers
        assert "server" not in reply.headers


def test_errors_repeat_nothing_that_was_sent(client: Client) -> None:
    for path in ("/%3Cscript%3Ehi", "/runs/%3Cscript%3E", "/api/points?run=%3Cscript%3E&key=x", "/static/%3Cscript%3E"):
        for accept in ("text/html", "*/*"):
            reply = client.get(path, accept=accept)
            assert reply.status in {400, 404}
            assert "script>" not in reply.text.replace('<script type="module" src="/static/main.js"></script>', "")


def test_bodies_have_a_limit(client: Client) -> None:
    assert client.post("/api/runs", {"action": "x" * (BODY_BYTES + 1)}).status == 413
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
    parts = iter([b"1" * 100_000] * 20)  # chunked: the length is not announced
    try:
        connection.request("POST", "/api/runs", parts, {**client.token, "content-type": "application/json"})
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # refused before all of it was sent
    finally:
        connection.close()


def test_headers_have_a_limit(client: Client) -> None:
    reply = client.get("/", x_large="a" * 70_000)
    assert reply.status in {400, 431}


def test_slow_senders_do_not_stop_others(client: Client) -> None:
    lines = [socket.create_connection(("127.0.0.1", client.port)) for _ in range(80)]
    try:
        for line in lines:
            line.sendall(b"POST /api/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n")
        assert client.get("/").status == 200
    finally:
        for line in lines:
            line.close()


def test_address_file_is_private_and_leads_back(server: Server, client: Client, home: Path) -> None:
    file = home / "server.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    running = find_running(server.place)
    assert running is not None
    address = ask_entrance(running)
    ticket = address.partition("token=")[2]
    assert client.send("GET", f"/open?token={ticket}").status == 303


def test_framed_session_may_stand_in_a_notebook(client: Client) -> None:
    ticket = client.server.access.new_ticket(framed=True)
    cookie = client.send("GET", f"/open?token={ticket}").headers["set-cookie"].partition(";")[0]
    policy = client.send("GET", "/", {"cookie": cookie}).headers["content-security-policy"]
    assert "frame-ancestors 'self' http://localhost:* http://127.0.0.1:*" in policy


def test_secrets_stay_out_of_logs(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    ticket = client.server.access.new_ticket()
    client.send("GET", f"/open?token={ticket}")
    client.get("/api/points?run=x&key=y")
    client.get("/runs/" + "b" * 32)
    assert ticket not in caplog.text
    assert client.server.access.token not in caplog.text


def test_listens_on_this_machine_only(client: Client) -> None:
    assert client.server.address.startswith("http://localhost:")
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for address in others:
        with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
            socket.create_connection((address, client.port), timeout=1).close()


def test_many_at_once_are_answered_or_told_to_wait(client: Client) -> None:
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(client.get("/api/keys").status)) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
