"""Files on their way through the server into its artifact store; large ones in parts where the store takes parts.

A server that was started without `--serve-artifacts` names a place (a bucket, a directory) to write to directly. We do
not: the credentials for it are the server's business, and a path of its disk means nothing on ours.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import msgspec

from autotrack.backends.mlflow.client import MlflowClient, quoted, read_answer
from autotrack.backends.mlflow.errors import RefusedError, UnknownRouteError
from autotrack.backends.mlflow.limits import server_path
from autotrack.errors import RetryableError

PROXY = "/api/2.0/mlflow-artifacts/"
BINARY = "application/octet-stream"
PART_BYTES = 100 * 1024 * 1024  # S3 takes none below 5 MB, and at most 10,000
MULTIPART_FROM = 500 * 1024 * 1024  # where MLflow's own client begins


class ArtifactStore:
    """The artifact store behind a server.

    Args:
        client: To the server.
    """

    def __init__(self, client: MlflowClient) -> None:
        self._client = client
        self._takes_parts: bool | None = None

    def put(self, root: str, path: str, source: Path | bytes) -> None:
        """Store a file; one that is there already is replaced.

        Args:
            root: The `artifact_uri` of a run or model.
            path: Below it.
            source: A file, which is streamed, or its content.

        Raises:
            OSError: The file cannot be read.
            RefusedError: The server keeps its files elsewhere, or refuses this one.
            RetryableError: Not now.
        """
        address = f"{self._folder(root)}/{server_path(path)}"
        if isinstance(source, bytes):
            self._put_whole(address, io.BytesIO(source), len(source))
            return
        with source.open("rb") as file:
            size = source.stat().st_size
            if size >= MULTIPART_FROM and self._parts_are_taken():
                self._put_parts(address, file, size)
            else:
                self._put_whole(address, file, size)

    def _folder(self, root: str) -> str:
        """Return the path below the proxy of an `mlflow-artifacts:/…` place."""
        place = urlsplit(root)
        ours = urlsplit(self._client.address.url).netloc
        if place.scheme != "mlflow-artifacts" or place.netloc not in {"", ours}:
            where = f"{place.scheme}://{place.hostname or ''}" if place.scheme else "a directory of its own"
            raise RefusedError(
                f"{self._client.address.url} keeps files in {where}, not behind itself; start it with --serve-artifacts"
            )
        return place.path.strip("/")

    def _put_whole(self, address: str, file: IO[bytes], size: int) -> None:
        path = f"{PROXY}artifacts/{quoted(address)}"
        # An empty body is not a file of size 0 to urllib3, which would send it without a length.
        body: Any = file if size else b""
        answer = self._client.request("PUT", path, body, size=size, content_type=BINARY)
        if answer.strip():  # MLflow says nothing, or {}; a page is from something in between that kept the file
            read_answer(answer, self._client.address.url)

    # In parts

    def _parts_are_taken(self) -> bool:
        if self._takes_parts is None:
            try:
                answer = self._client.exchange("GET", "/api/3.0/mlflow/server-info")
                self._takes_parts = bool(answer.get("multipart_uploads_enabled"))
            except UnknownRouteError:
                self._takes_parts = False
        return self._takes_parts

    def _put_parts(self, address: str, file: IO[bytes], size: int) -> None:
        folder, _, name = address.rpartition("/")
        count = -(-size // PART_BYTES)
        upload = self._multipart("create", folder, {"path": name, "num_parts": count})
        known = {"path": name, "upload_id": upload["upload_id"]}
        try:
            parts = [self._put_part(file, part) for part in sorted(upload["credentials"], key=_number)]
            self._multipart("complete", folder, {**known, "parts": parts})
        except (RetryableError, RefusedError, OSError):
            self._multipart("abort", folder, known)
            raise

    def _multipart(self, verb: str, folder: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._client.exchange("POST", f"{PROXY}mpu/{verb}/{quoted(folder)}", msgspec.json.encode(body))

    def _put_part(self, file: IO[bytes], part: dict[str, Any]) -> dict[str, Any]:
        """Send one part to where the server says, which is the store itself: our credentials stay here."""
        data = file.read(PART_BYTES)
        etag = self._client.put_elsewhere(part["url"], data, part.get("headers") or {})
        return {"part_number": part["part_number"], "etag": etag, "url": part["url"]}


def _number(part: dict[str, Any]) -> int:
    return int(part["part_number"])
