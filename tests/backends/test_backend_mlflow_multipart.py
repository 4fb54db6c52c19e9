"""Large files in parts: to a real MLflow server before an S3 store (moto), with its signed addresses, and to ours."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from mlflow_server import free_port, mlflow_server, read_run
from team_server import team_server

from autotrack.backends import open_backend
from autotrack.backends.base import BackendContext
from autotrack.backends.mlflow import artifacts
from autotrack.journal_reader import place
from autotrack.records import ArtifactLogged, RunStarted

pytestmark = pytest.mark.slow
MEGABYTE = 1 << 20
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}


@contextmanager
def s3_store() -> Iterator[tuple[str, Any]]:
    """Give the address of an S3 store with one bucket, and a client."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **KEYS},
    )
    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", **_arguments(KEYS))
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                client.create_bucket(Bucket="runs")
                break
            except EndpointConnectionError:
                assert time.monotonic() < deadline
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", client
    finally:
        process.kill()
        process.wait()


def _arguments(keys: Mapping[str, str]) -> dict[str, str]:
    return {
        "aws_access_key_id": keys["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": keys["AWS_SECRET_ACCESS_KEY"],
        "region_name": keys["AWS_DEFAULT_REGION"],
    }


RUN_ID = "cd" * 16


@pytest.fixture
def content(context: BackendContext, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Record a run with a file of three parts and a small one; return what the large one has."""
    monkeypatch.setattr(artifacts, "MULTIPART_FROM", 10 * MEGABYTE)
    monkeypatch.setattr(artifacts, "PART_BYTES", 5 * MEGABYTE)
    content = os.urandom(12 * MEGABYTE)
    for name, data in (("big file.bin", content), ("small.bin", b"x")):
        file = context.artifacts / RUN_ID / "data" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return content


def send(url: str, context: BackendContext, content: bytes) -> None:
    records = [
        RunStarted(time=1, name="n", experiment="e"),
        ArtifactLogged(time=1, path="data/big file.bin", size=len(content)),
        ArtifactLogged(time=1, path="data/small.bin", size=1),
    ]
    for at, record in enumerate(records):
        place(record, RUN_ID, "w", at)
    backend = open_backend(url, context)
    backend.write(records)
    backend.close()


def test_a_large_file_goes_in_parts(tmp_path: Path, context: BackendContext, content: bytes) -> None:
    with s3_store() as (endpoint, s3):
        variables = {**KEYS, "MLFLOW_S3_ENDPOINT_URL": endpoint, "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true"}
        with mlflow_server(tmp_path, variables=variables, destination="s3://runs/mlflow") as url:
            send(url, context, content)
            run = read_run(url, RUN_ID)
        [stored] = [
            item["Key"]
            for item in s3.list_objects_v2(Bucket="runs")["Contents"]
            if item["Key"].endswith("big file.bin")
        ]
        found = s3.get_object(Bucket="runs", Key=stored)
        assert run.artifacts == {"data/big file.bin": len(content), "data/small.bin": 1}
        assert found["ETag"].strip('"').endswith("-3"), "it was not sent in three parts"
        assert found["Body"].read() == content


def test_a_large_file_goes_in_parts_to_our_own_server(tmp_path: Path, context: BackendContext, content: bytes) -> None:
    home = tmp_path / "server"
    home.mkdir()
    with team_server(home, "--no-login") as url:
        send(url, context, content)
        assert read_run(url, RUN_ID).artifacts == {"data/big file.bin": len(content), "data/small.bin": 1}
        [stored] = home.glob("artifacts/*/data/big file.bin")
        assert stored.read_bytes() == content
        assert list((home / "artifacts/parts").iterdir()), "it was not sent in parts"
