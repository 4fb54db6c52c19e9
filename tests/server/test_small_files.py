"""Small files that come at once: taken together, and each answered for itself."""

from __future__ import annotations

import asyncio
import http.client
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from postgres_cluster import new_database
from sqlalchemy import delete
from team_server import ask, new_run, post, team_server

from autotrack.errors import RunNotFoundError
from autotrack.server.caller import WRITER, Caller
from autotrack.server.files.local import LocalFiles
from autotrack.server.mlflow_api.endpoint import Tracking
from autotrack.server.mlflow_api.protocol import ProtocolError
from autotrack.server.mlflow_api.small_files import PATIENCE, SmallFiles
from autotrack.store import Store
from autotrack.store.schema import run
from autotrack.store.tracking.experiments import add_default_experiment
from autotrack.store.tracking.files import RUN, list_files, owner_of
from autotrack.store.tracking.runs import create_run

CLIENTS, FILES = 12, 15
SOMEBODY = Caller("somebody", WRITER)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with ExitStack() as stack:
        store = stack.enter_context(new_database()) if request.param == "postgresql" else ""
        yield stack.enter_context(team_server(tmp_path, "--no-login", "--workers", "2", store=store))


def test_each_of_many_senders_gets_its_own_answer(url: str) -> None:
    runs = [new_run(url) for _ in range(CLIENTS)]
    shared, gone = new_run(url), new_run(url)
    post(url, "runs/delete", {"run_id": gone})
    answers: dict[tuple[int, int], tuple[int, int, int]] = {}

    def work(client: int) -> None:
        line = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=60)

        def send(run_id: str, path: str) -> int:
            place = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/{path}"
            line.request("PUT", place, content(client, number))
            reply = line.getresponse()
            reply.read()
            return reply.status

        for number in range(FILES):
            good = send(runs[client], f"own/{number}.bin"), send(shared, f"{number}.bin")
            bad = send(*[(gone, "x"), ("e" * 32, "x"), (shared, "a//b")][number % 3])
            answers[client, number] = (*good, bad)
        line.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))
    wrong = (400, 404, 400)
    assert answers == {
        (client, number): (200, 200, wrong[number % 3]) for client in range(CLIENTS) for number in range(FILES)
    }
    for client, run_id in enumerate(runs):
        sizes = {f"{number}.bin": len(content(client, number)) for number in range(FILES)}
        assert listed(url, run_id, "own") == sizes
        assert read(url, run_id, "own/7.bin") == content(client, 7)
    last = listed(url, shared, "")
    assert sorted(last) == sorted(f"{number}.bin" for number in range(FILES))
    assert read(url, shared, "3.bin") in {content(client, 3) for client in range(CLIENTS)}


def content(client: int, number: int) -> bytes:
    return bytes([client, number]) * (client * 100 + number)


def listed(url: str, run_id: str, folder: str) -> dict[str, int]:
    path = f"/api/2.0/mlflow-artifacts/artifacts?path=0/{run_id}/artifacts/{folder}"
    return {file["path"]: int(file.get("file_size", 0)) for file in ask(url, "GET", path)[1]["files"]}


def read(url: str, run_id: str, path: str) -> bytes:
    with urllib.request.urlopen(f"{url}/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/{path}") as reply:
        return bytes(reply.read())


class Disk(LocalFiles):
    """A directory; what a test wants to happen, happens while a file is written there."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.quick = True
        self.happens: dict[str, Callable[[], object]] = {}

    def put(self, key: str, content: bytes) -> None:
        self.happens.get(key.rpartition("/")[2], int)()
        super().put(key, content)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "files")


@pytest.fixture
def tracking(tmp_path: Path, disk: Disk) -> Iterator[Tracking]:
    with Store.open(tmp_path) as store:
        with store.writing() as connection:
            add_default_experiment(connection)
        yield Tracking(store, disk)


def make_run(tracking: Tracking) -> str:
    with tracking.writing() as connection:
        return create_run(connection, 0, name="a", start_time=1, user_id=None, artifact_location=None, tags={}).uid


def address(run_id: str, path: str) -> str:
    return f"0/{run_id}/artifacts/{path}"


def test_a_slow_file_does_not_hold_up_those_that_come_later(tracking: Tracking, disk: Disk) -> None:
    run_id, ends = make_run(tracking), []
    slow = threading.Event()
    disk.happens["slow"] = lambda: slow.wait(30)

    async def send(small: SmallFiles, name: str) -> None:
        await small.take(SOMEBODY, address(run_id, name), b"x")
        ends.append(name)

    async def all_of_them() -> None:
        small = SmallFiles(tracking)
        first = asyncio.create_task(send(small, "slow"))
        await asyncio.sleep(PATIENCE * 2)
        await asyncio.gather(*(send(small, name) for name in ("b", "a")))
        assert sorted(ends) == ["a", "b"]
        slow.set()
        await first
        await send(small, "after")

    asyncio.run(all_of_them())
    assert names_of(tracking, run_id) == ["a", "after", "b", "slow"]


def test_only_the_file_whose_run_is_gone_meanwhile_is_refused(tracking: Tracking, disk: Disk) -> None:
    here, gone = make_run(tracking), make_run(tracking)

    def purge() -> None:
        with tracking.writing() as connection:
            connection.execute(delete(run).where(run.c.uid == gone))

    disk.happens["last"] = purge

    async def all_of_them() -> list[BaseException | None]:
        small = SmallFiles(tracking)
        files = [(here, "a"), (gone, "b"), (here, "last"), ("e" * 32, "c")]
        return await asyncio.gather(
            *(small.take(SOMEBODY, address(uid, name), b"x") for uid, name in files), return_exceptions=True
        )

    first, lost, last, unknown = asyncio.run(all_of_them())
    assert (first, last) == (None, None)
    assert "FOREIGN KEY" in str(lost)
    assert isinstance(unknown, RunNotFoundError)
    assert names_of(tracking, here) == ["a", "last"]


def test_a_store_that_does_not_answer_is_told_to_all(tracking: Tracking, tmp_path: Path) -> None:
    run_id = make_run(tracking)
    tracking.store.close()
    (tmp_path / "store.db").write_bytes(b"no database any more" * 1000)

    async def all_of_them() -> list[BaseException | None]:
        small = SmallFiles(tracking)
        calls = (small.take(SOMEBODY, address(run_id, name), b"x") for name in "ab")
        return await asyncio.gather(*calls, return_exceptions=True)

    first, second = asyncio.run(all_of_them())
    assert "not a database" in str(first)
    assert first is second


def test_an_address_that_is_none_is_refused_at_once(tracking: Tracking) -> None:
    with pytest.raises(ProtocolError, match="artifacts are at"):
        asyncio.run(SmallFiles(tracking).take(SOMEBODY, "nowhere", b"x"))


def names_of(tracking: Tracking, run_id: str) -> list[str]:
    with tracking.store.reading() as connection:
        return [file.path for file in list_files(connection, owner_of(connection, RUN, run_id))]
