"""Files in parts: MLflow's own client sends them to a directory and to S3; what does not fit together is refused."""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from s3_server import s3_server
from sqlalchemy import select, update
from team_server import ask, new_run, team_server

from autotrack.server.caller import READER, WRITER
from autotrack.server.files.base import FileMissingError, PartChangedError, PartName
from autotrack.server.files.local import LocalFiles
from autotrack.store import Store
from autotrack.store.accounts.accounts import add_account
from autotrack.store.accounts.tables import account_token
from autotrack.store.accounts.tokens import PASS, new_token

MPU = "/api/2.0/mlflow-artifacts/mpu"
PART_BYTES = 300_000


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parts")


@pytest.fixture(scope="module")
def tokens(home: Path) -> dict[str, str]:
    with Store.open(home) as store, store.writing() as connection:
        for name, role in (("reader", READER), ("writer", WRITER)):
            add_account(connection, name, role)
        return {name: f"Bearer {new_token(connection, name)}" for name in ("reader", "writer")}


@pytest.fixture(scope="module")
def url(home: Path, tokens: dict[str, str]) -> Iterator[str]:
    with team_server(home) as address:
        yield address


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(PART_BYTES))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(PART_BYTES))


def upload_and_fetch(url: str, folder: Path, token: str | None) -> str:
    """Send a file of 4 parts and one of a single part with MLflow's client, and compare what comes back."""
    from mlflow import MlflowClient

    client = MlflowClient(url)
    run_id = str(client.create_run("0").info.run_id)
    for name, size in (("large one.bin", 3 * PART_BYTES + 17), ("small.bin", 10)):
        (folder / name).write_bytes(os.urandom(size))
        client.log_artifact(run_id, str(folder / name), "some/dir")
        request = urllib.request.Request(
            f"{url}/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/some/dir/{name.replace(' ', '%20')}",
            headers={"authorization": token} if token else {},
        )
        with urllib.request.urlopen(request) as reply:
            assert reply.read() == (folder / name).read_bytes()
    listed = {file.path: file.file_size for file in client.list_artifacts(run_id, "some/dir")}
    assert listed == {"some/dir/large one.bin": 3 * PART_BYTES + 17, "some/dir/small.bin": 10}
    return run_id


def proposes_parts(url: str, token: str = "") -> bool:
    return bool(ask(url, "GET", "/api/3.0/mlflow/server-info", authorization=token)[1]["multipart_uploads_enabled"])


@pytest.mark.usefixtures("in_parts")
def test_mlflows_client_sends_parts(
    url: str, home: Path, tokens: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", tokens["writer"].partition(" ")[2])
    run_id = upload_and_fetch(url, tmp_path, tokens["writer"])
    assert (home / "artifacts" / run_id / "some/dir/large one.bin").stat().st_size == 3 * PART_BYTES + 17
    assert not list((home / "artifacts" / "parts").rglob("*.*")), "parts are left"
    assert proposes_parts(url, tokens["writer"])
    with Store.open(home) as store:
        kept = {file.path: file.sha256 for file in store.artifacts(run_id)}
    large = (tmp_path / "large one.bin").read_bytes()
    assert kept["some/dir/large one.bin"] == hashlib.sha256(large).hexdigest()


@pytest.mark.usefixtures("in_parts")
def test_parts_for_a_bucket(tmp_path: Path) -> None:
    with s3_server("team") as variables:
        options = ("--no-login", "--artifacts", "s3://team/files")
        with team_server(tmp_path, *options, variables=variables) as url:
            run_id = upload_and_fetch(url, tmp_path, None)
            assert not proposes_parts(url), "through a server they pass twice on their way to a bucket"
        with urllib.request.urlopen(f"{variables['AWS_ENDPOINT_URL']}/team?list-type=2") as reply:
            listed = reply.read().decode()
        assert f"<Key>files/{run_id}/some/dir/large one.bin</Key>" in listed
        assert "files/parts/" not in listed


def begin(url: str, token: str, place: str, count: int = 2) -> tuple[str, list[str], str]:
    status, answer = ask(
        url, "POST", f"{MPU}/create/{place}", {"path": "/home/me/file.bin", "num_parts": count}, authorization=token
    )
    assert status == 200
    [shown] = {one["headers"]["Authorization"] for one in answer["credentials"]}
    assert token not in shown
    return answer["upload_id"], [one["url"].removeprefix(url) for one in answer["credentials"]], shown


def send(url: str, token: str, where: str, content: bytes) -> tuple[int, str]:
    request = urllib.request.Request(url + where, content, {"authorization": token}, method="PUT")
    with urllib.request.urlopen(request) as reply:
        return reply.status, reply.headers["etag"]


def test_what_does_not_fit_together_is_refused(url: str, tokens: dict[str, str]) -> None:
    token = tokens["writer"]
    runs = [ask(url, "POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"}, authorization=token) for _ in "ab"]
    place, other = (f"0/{answer['run']['info']['run_id']}/artifacts" for _, answer in runs)
    upload_id, parts, shown = begin(url, token, place)
    tags = [send(url, shown, where, content)[1] for where, content in zip(parts, (b"[1,", b"2]"), strict=True)]

    def finish(numbers: list[int], *, etags: list[str] = tags, where: str = place, which: str = upload_id) -> Any:
        named = [{"part_number": number, "etag": etags[number - 1]} for number in numbers]
        asked = {"path": "file.bin", "upload_id": which, "parts": named}
        return ask(url, "POST", f"{MPU}/complete/{where}", asked, authorization=token)

    assert finish([2, 1])[0] == 400
    assert finish([1, 1])[0] == 400
    assert finish([])[0] == 400
    assert finish([1, 2], etags=[tags[0], tags[0]])[0] == 400
    assert finish([1, 2], where=other)[0] == 404
    assert finish([1, 2], which="../" * 4)[0] == 404
    assert ask(url, "GET", f"/api/2.0/mlflow-artifacts/artifacts/{place}/file.bin", authorization=token)[0] == 404
    assert finish([1, 2])[0] == 200
    assert finish([1, 2])[0] == 404, "it has ended"
    whole = ask(url, "GET", f"/api/2.0/mlflow-artifacts/artifacts/{place}/file.bin", authorization=token)
    assert whole == (200, [1, 2])


def test_parts_can_be_given_up(url: str, home: Path, tokens: dict[str, str]) -> None:
    token = tokens["writer"]
    answer = ask(url, "POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"}, authorization=token)[1]
    place = f"0/{answer['run']['info']['run_id']}/artifacts"
    upload_id, parts, shown = begin(url, token, place)
    send(url, shown, parts[0], b"one")
    gone = {"path": "file.bin", "upload_id": upload_id}
    for _ in range(2):
        assert ask(url, "POST", f"{MPU}/abort/{place}", gone, authorization=token)[0] == 200
    assert not [path for path in (home / "artifacts" / "parts").rglob("*") if path.is_file()]


def test_parts_need_the_role_of_a_writer(url: str, tokens: dict[str, str]) -> None:
    token = tokens["writer"]
    answer = ask(url, "POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"}, authorization=token)[1]
    place = f"0/{answer['run']['info']['run_id']}/artifacts"
    _, parts, _ = begin(url, token, place)
    assert ask(url, "PUT", parts[0], b"x", authorization=tokens["reader"])[0] == 403
    assert ask(url, "PUT", parts[0], b"x")[0] == 401
    wish = {"path": "x", "num_parts": 1}
    assert ask(url, "POST", f"{MPU}/create/{place}", wish, authorization=tokens["reader"])[0] == 403
    for wrong in ({"path": "x", "num_parts": 10_001}, {"path": "x", "num_parts": 0}, {}):
        assert ask(url, "POST", f"{MPU}/create/{place}", wrong, authorization=token)[0] == 400


def test_a_pass_opens_nothing_but_the_parts_of_its_file(url: str, home: Path, tokens: dict[str, str]) -> None:
    token = tokens["writer"]
    runs = [ask(url, "POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"}, authorization=token) for _ in "ab"]
    place, other = (f"0/{answer['run']['info']['run_id']}/artifacts" for _, answer in runs)
    upload_id, parts, shown = begin(url, token, place)
    run_id = place.split("/")[1]
    for method, path in (
        ("GET", f"/api/2.0/mlflow/runs/get?run_id={run_id}"),
        ("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{place}/file.bin"),
        ("PUT", parts[0].replace("file.bin", "other.bin")),
        ("PUT", parts[0].replace(place, other)),
        ("PUT", parts[0].replace(upload_id, "0" * 32)),
        ("GET", "/runs"),
    ):
        assert ask(url, method, path, b"x" if method == "PUT" else None, authorization=shown)[0] == 401, path
    assert ask(url, "PUT", parts[0], b"x", authorization=shown.replace("ap_", "at_"))[0] == 401
    with Store.open(home) as store, store.writing() as connection:
        passes = account_token.c.kind == PASS
        assert shown.partition(" ")[2] not in str(connection.execute(select(account_token).where(passes)).all())
        connection.execute(update(account_token).where(passes).values(expires=1))
    assert ask(url, "PUT", parts[0], b"x", authorization=shown)[0] == 401, "it has expired"
    assert ask(url, "POST", f"{MPU}/abort/{place}", {"path": "file.bin", "upload_id": upload_id}, authorization=token)
    with Store.open(home) as store, store.reading() as connection:
        assert not connection.execute(select(account_token).where(passes)).all()


@settings(max_examples=40)
@given(
    size=st.integers(1, 40),
    whole_parts=st.integers(0, 4),
    rest=st.integers(0, 60),
    gap=st.booleans(),
    order=st.randoms(use_true_random=False),
)
def test_parts_of_any_sizes_in_any_order_make_the_file(
    size: int, whole_parts: int, rest: int, gap: bool, order: random.Random
) -> None:
    contents = [os.urandom(size) for _ in range(whole_parts)] + [os.urandom(rest)]
    numbered = [((2 * at if gap else at) + 1, content) for at, content in enumerate(contents)]
    with tempfile.TemporaryDirectory() as folder:
        files = LocalFiles(Path(folder))
        sent = [*numbered, order.choice(numbered)]
        order.shuffle(sent)
        tags = {}
        for number, content in sent:
            target = files.part("parts/run/upload", number, len(content))
            target.write(content)
            target.finish()
            tags[number] = target.etag
        names = [PartName(number, tags[number]) for number, _ in numbered]
        with pytest.raises(PartChangedError):
            files.assemble("parts/run/upload", [*names[:-1], PartName(names[-1].number, "0")], "run/file")
        with pytest.raises(FileMissingError):
            files.assemble("parts/run/upload", [*names, PartName(99, "")], "run/file")
        whole = b"".join(contents)
        found = files.assemble("parts/run/upload", names, "run/file")
        assert found == (len(whole), hashlib.sha256(whole).hexdigest())
        assert (Path(folder) / "run/file").read_bytes() == whole
        assert not (Path(folder) / "parts/run/upload").exists()


def test_parts_of_one_size_are_written_once(tmp_path: Path) -> None:
    """What the others lie in becomes the file, and only the last part, which is smaller, is copied."""
    files = LocalFiles(tmp_path)
    for number, size in ((3, 10), (1, 1_000), (2, 1_000)):
        target = files.part("parts/run/upload", number, size)
        target.write(bytes([number]) * size)
        target.finish()
    before = (tmp_path / "parts/run/upload/of-1000").stat().st_ino
    files.assemble("parts/run/upload", [PartName(number, "") for number in (1, 2, 3)], "run/file")
    assert (tmp_path / "run/file").stat().st_ino == before
    assert (tmp_path / "run/file").stat().st_size == 2_010


def test_a_part_that_is_sent_again_counts_when_all_of_it_is_there(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    for content, ends in ((b"one", True), (b"tw", False)):
        target = files.part("parts/run/upload", 1, 3)
        target.write(content)
        target.finish() if ends else target.abort()
    with pytest.raises(FileMissingError):
        files.assemble("parts/run/upload", [PartName(1, "")], "run/file")


def test_what_dead_clients_left_is_removed_after_a_day(tmp_path: Path) -> None:
    files, a_day_ago = LocalFiles(tmp_path), time.time() - 90_000
    for upload in ("left", "going-on"):
        part = files.part(f"parts/run/{upload}", 1, 3)
        part.write(b"abc")
        part.finish()
    files.put("run/of-3", b"a file of a run stays, however old")
    unfinished = files.upload("run/never")
    unfinished.write(b"abc")
    for path in [*tmp_path.rglob("*")]:
        if "going-on" not in str(path):
            os.utime(path, (a_day_ago, a_day_ago))
    files.remove_stale("parts", 86_400)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert left == {"run", "run/of-3", ".uploads", "parts", "parts/run"} | {
        f"parts/run/going-on{name}" for name in ("", "/1", "/of-3")
    }
    unfinished.abort()


def test_a_server_removes_what_dead_clients_left(tmp_path: Path) -> None:
    left = tmp_path / "artifacts" / "parts" / "x" / "y"
    left.mkdir(parents=True)
    (left / "of-3").write_bytes(b"abc")
    os.utime(left / "of-3", (1, 1))
    with team_server(tmp_path, "--no-login") as url:
        assert ask(url, "POST", f"{MPU}/create/0/{new_run(url)}/artifacts", {"path": "a"})[0] == 200
    assert not (left / "of-3").exists()


def test_a_bucket_is_tidied_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from autotrack.server.files.objects import ObjectFiles

    with s3_server("team") as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        files = ObjectFiles("s3://team/files")
        files.put("parts/run/upload/1", b"abc")
        files.put("run/file", b"abc")
        files.remove_stale("parts", 86_400)
        files.open("parts/run/upload/1").close()
        files.remove_stale("parts", -60)
        with pytest.raises(FileMissingError):
            files.open("parts/run/upload/1")
        files.open("run/file").close()
