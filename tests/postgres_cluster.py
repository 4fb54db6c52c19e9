"""A throw-away PostgreSQL for tests: its own cluster in a temporary directory, on a socket there, never as root."""

from __future__ import annotations

import atexit
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

_numbers = itertools.count()


@contextmanager
def new_database() -> Iterator[str]:
    """Give the URL of an empty database, and drop it at the end. Skips the test where there is no PostgreSQL."""
    psycopg = pytest.importorskip("psycopg")
    directory = _cluster()
    if directory is None:
        pytest.skip("PostgreSQL is not installed")
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(host=directory, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"postgresql://postgres@/{name}?host={directory}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@cache
def _cluster() -> str | None:
    """Start one server for the whole session; it is stopped when Python exits."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    found = shutil.which("postgres")
    home = programs[-1] if programs else Path(found).parent if found else None
    if home is None:
        return None
    directory = tempfile.mkdtemp(prefix="autotrack-pg-")
    user = _owner(directory)
    data = f"{directory}/data"
    subprocess.run(
        [home / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
        check=True,
        capture_output=True,
        user=user,
        cwd=directory,
    )
    options = {"listen_addresses": "", "unix_socket_directories": directory, "fsync": "off", "max_connections": "60"}
    with Path(directory, "log").open("w") as log:
        server = subprocess.Popen(
            [home / "postgres", "-D", data, *(part for item in options.items() for part in ("-c", "=".join(item)))],
            stdout=log,
            stderr=log,
            user=user,
            cwd=directory,
        )
    atexit.register(_stop, server, directory, os.getpid())
    _wait(server, directory)
    return directory


def _owner(directory: str) -> str | None:
    """Choose who runs the server, since PostgreSQL refuses root."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    os.chown(directory, pwd.getpwnam(user).pw_uid, -1)
    return user


def _wait(server: subprocess.Popen[bytes], directory: str) -> None:
    import psycopg

    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(host=directory, user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(Path(directory, "log").read_text()) from None
            time.sleep(0.05)
        else:
            return


def _stop(server: subprocess.Popen[bytes], directory: str, owner: int) -> None:
    if os.getpid() != owner:
        return  # a forked child of the tests
    server.send_signal(signal.SIGINT)  # to SIGTERM it would wait for who is still connected
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    shutil.rmtree(directory, ignore_errors=True)
