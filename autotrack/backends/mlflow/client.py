"""One HTTP request to an MLflow server: bounded, never repeated here, its answer turned into a value or an error.

Nothing follows a redirect, so credentials go to the server they are for and to no other. Certificates are verified.
Whoever calls decides what may be repeated; see `errors.py` for what can happen.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import IO, Any
from urllib.parse import quote, urlsplit

import msgspec

from autotrack._version import __version__
from autotrack.backends.mlflow.address import Address
from autotrack.backends.mlflow.errors import (
    ForbiddenError,
    RefusedError,
    TooLargeError,
    UncertainError,
    UnknownRouteError,
)
from autotrack.errors import MissingDependencyError, RetryableError

API = "/api/2.0/mlflow/"
CONNECT_SECONDS = 5.0
MAX_ANSWER = 64 * 1024 * 1024
RETRY_LATER = {408, 425, 429}
_SHOWN = 300


class MlflowClient:
    """Speaks to one server, from one thread.

    Args:
        address: Where it is.

    Raises:
        MissingDependencyError: urllib3 is not installed.
    """

    def __init__(self, address: Address) -> None:
        try:
            import urllib3
        except ImportError as error:
            raise MissingDependencyError("urllib3", "mlflow") from error
        self.address = address
        self._urllib3 = urllib3
        self._pool = _pool(address)
        self._headers = {"User-Agent": f"autotrack/{__version__}"}
        if address.authorization:
            self._headers["Authorization"] = address.authorization
        if address.workspace:
            self._headers["X-MLFLOW-WORKSPACE"] = address.workspace

    def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Ask for something below `/api/2.0/mlflow/`."""
        return self.exchange("GET", API + path, query=query)

    def post(self, path: str, body: Any, *, method: str = "POST") -> dict[str, Any]:
        """Send a JSON body to something below `/api/2.0/mlflow/`; `body` may be encoded already."""
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return self.exchange(method, API + path, data)

    def exchange(self, method: str, path: str, body: bytes | IO[bytes] | None = None, **options: Any) -> dict[str, Any]:
        """Send one request, as `request` does, and return the JSON object that an MLflow server answers with.

        Raises:
            RetryableError: As `request` does, and where the answer is no JSON object: a page of something in between.
        """
        return read_answer(self.request(method, path, body, **options), self.address.url)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | IO[bytes] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        size: int | None = None,
        content_type: str = "application/json",
    ) -> bytes:
        """Send one request and return the body of its answer.

        Args:
            method: Such as "POST".
            path: On the server, with a slash in front.
            body: Bytes, or an open file of `size` bytes, which is streamed.
            query: Arguments of the query.
            size: Of a file.
            content_type: Of the body.

        Raises:
            RetryableError: Not now: no connection, no answer in time, an overloaded or broken server, an answer that
                no MLflow server gives, credentials that are not accepted.
            RefusedError: Never.
        """
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = content_type
            headers["Content-Length"] = str(size if size is not None else len(body))  # type: ignore[arg-type]
        try:
            answer = self._pool.request(
                method,
                self.address.url + path,
                body=body,
                fields=query,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
            )
            try:
                data = answer.read(MAX_ANSWER + 1)
            finally:
                answer.drain_conn() if answer.length_remaining == 0 else answer.close()
        except self._urllib3.exceptions.HTTPError as error:
            raise self._no_answer(error) from None
        if len(data) > MAX_ANSWER:
            raise RetryableError(f"{self.address.url} answers with more than {MAX_ANSWER >> 20} MB")
        if answer.status >= 300:
            raise _error(method, path, answer.status, answer.headers, data, self.address)
        return bytes(data)

    def put_elsewhere(self, url: str, data: bytes, headers: Mapping[str, str]) -> str:
        """Send bytes to an address that the server has signed, without our credentials; return their `ETag`."""
        host = urlsplit(url).netloc
        try:
            answer = self._pool.request(
                "PUT", url, body=data, headers=dict(headers), redirect=False, retries=False, decode_content=False
            )
        except self._urllib3.exceptions.HTTPError as error:
            raise RetryableError(f"sending a part to {host} failed: {type(error).__name__}") from None
        if answer.status >= 300:
            raise RetryableError(f"{host} answers a part of a file with {answer.status}")
        return str(answer.headers.get("ETag", ""))

    def _no_answer(self, error: Exception) -> RetryableError:
        """Say in words that stay the same from try to try why there was no answer."""
        known, host = self._urllib3.exceptions, urlsplit(self.address.url).netloc
        if isinstance(error, known.NameResolutionError):
            return RetryableError(f"the name of {host} cannot be resolved")
        if isinstance(error, known.NewConnectionError):  # before the next: in some versions it is one of those
            return RetryableError(f"{host} refuses connections: the server is down")
        if isinstance(error, known.ConnectTimeoutError):
            return RetryableError(f"{host} does not take connections")
        if isinstance(error, known.SSLError):
            return RetryableError(f"no trusted connection to {host}: {_shorten(str(error))}")
        if isinstance(error, known.ProxyError):
            return RetryableError(f"the proxy before {host} does not answer")
        if isinstance(error, known.TimeoutError):
            return UncertainError(f"no answer from {host} within {self.address.timeout:g} s")
        return UncertainError(f"the connection to {host} broke")

    def close(self) -> None:
        """Close all connections."""
        self._pool.clear()


def _pool(address: Address) -> Any:
    """Return connections to the server, through the proxy that the environment names for it."""
    from urllib.request import getproxies, proxy_bypass

    import urllib3

    parts = urlsplit(address.url)
    options: dict[str, Any] = {
        "timeout": urllib3.Timeout(connect=min(CONNECT_SECONDS, address.timeout), read=address.timeout),
        "cert_reqs": "CERT_REQUIRED",
        "ca_certs": address.ca_certs,
        "cert_file": address.client_cert,
    }
    proxy = getproxies().get(parts.scheme)
    if proxy is None or proxy_bypass(parts.hostname or ""):
        return urllib3.PoolManager(**options)
    user = urlsplit(proxy).netloc.rpartition("@")[0]
    return urllib3.ProxyManager(
        proxy, proxy_headers=urllib3.make_headers(proxy_basic_auth=user) if user else None, **options
    )


def read_answer(data: bytes, url: str) -> dict[str, Any]:
    """Return the JSON object that a server at `url` has answered with.

    Raises:
        RetryableError: It is none: a page of something in between.
    """
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise RetryableError(
            f"{url} answers, but not like an MLflow server: {_shorten(data.decode('utf-8', 'replace'))!r}"
        ) from None


def _error(
    method: str, path: str, status: int, headers: Mapping[str, str], data: bytes, address: Address
) -> RetryableError | RefusedError:
    code, reason = _reason(data)
    what = f"{address.url} answers {method} {path.partition('?')[0]} with {status}: {reason}"
    if status == 401:
        return RetryableError(
            f"{address.url} does not accept the credentials (401); set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
            _retry_after(headers),
        )
    if 300 <= status < 400:
        place = urlsplit(headers.get("Location", ""))
        return RetryableError(f"{address.url} redirects to {place.scheme}://{place.hostname}; give that address")
    if status in RETRY_LATER or (status >= 500 and status != 501):
        return RetryableError(what, _retry_after(headers))
    if status == 404 and not code:
        return UnknownRouteError(
            f"{address.url} has no {path.partition('?')[0]}: it is no MLflow server, or an old one"
        )
    kind = {403: ForbiddenError, 413: TooLargeError}.get(status, RefusedError)
    return kind(what, status, code)


def _reason(data: bytes) -> tuple[str, str]:
    """Return MLflow's error code and message; for any other answer "" and how it begins."""
    try:
        page = msgspec.json.decode(data, type=dict[str, Any])
        return str(page["error_code"]), _shorten(str(page.get("message", "")))
    except (msgspec.MsgspecError, KeyError):
        return "", _shorten(data.decode("utf-8", "replace"))


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a `Retry-After` header asks for, which may be a number or a date."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - dt.datetime.now(dt.timezone.utc)).total_seconds())
    except (ValueError, TypeError):
        return None


def quoted(path: str) -> str:
    """Return a path as it stands in a URL: all but slashes and plain characters percent-encoded."""
    return quote(path, safe="/")
