"""Where an MLflow server is and what opens it: the URL, MLflow's own environment variables and credentials file."""

from __future__ import annotations

import base64
import configparser
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from autotrack.errors import StoreUnavailableError

DEFAULT_TIMEOUT = 30.0
CREDENTIALS_FILE = Path("~/.mlflow/credentials")


class Address(msgspec.Struct, frozen=True):
    """A server.

    Attributes:
        url: Without credentials and without a slash at the end.
        authorization: The header's value, or None.
        ca_certs: File of certificate authorities to trust instead of the system's, or None.
        client_cert: File with our own certificate and key, or None.
        workspace: Of a server that has several, or None.
        timeout: Seconds to wait for an answer.
    """

    url: str
    authorization: str | None = None
    ca_certs: str | None = None
    client_cert: str | None = None
    workspace: str | None = None
    timeout: float = DEFAULT_TIMEOUT

    def __repr__(self) -> str:
        """Return the URL alone: the rest is secret."""
        return f"Address({self.url!r})"


def read_address(target: str, environ: Mapping[str, str] = os.environ) -> Address:
    """Take a target apart.

    Credentials come from the URL, else from `MLFLOW_TRACKING_USERNAME` and `_PASSWORD`, else `MLFLOW_TRACKING_TOKEN`,
    else `~/.mlflow/credentials`. All but the first belong to the server in `MLFLOW_TRACKING_URI`, where it names one:
    no other server is ever sent them.

    Args:
        target: `http(s)://host:port/prefix`, also with `mlflow+` before it and `user:password@` within.
        environ: The environment.

    Raises:
        StoreUnavailableError: It is no such URL.
    """
    parts = urlsplit(target.removeprefix("mlflow+"))
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise StoreUnavailableError(f"no MLflow server at {parts.scheme}://…: {error}") from error
    if not host:
        raise StoreUnavailableError(f"no host in the MLflow target {parts.scheme}://…; write http://host:5000")
    shown_host = f"[{host}]" if ":" in host else host
    url = f"{parts.scheme}://{shown_host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
    if parts.username is not None:
        authorization: str | None = _basic(unquote(parts.username), unquote(parts.password or ""))
    else:
        authorization = _known_authorization(environ) if _is_ours(url, environ) else None
    return Address(
        url=url,
        authorization=authorization,
        ca_certs=environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or None,
        client_cert=environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH") or None,
        workspace=environ.get("MLFLOW_WORKSPACE") or None,
        timeout=_timeout(environ),
    )


def _is_ours(url: str, environ: Mapping[str, str]) -> bool:
    """Say whether credentials without a server's name may be meant for this one."""
    known = urlsplit(environ.get("MLFLOW_TRACKING_URI", ""))
    return known.scheme not in {"http", "https"} or known.netloc.rpartition("@")[2] == urlsplit(url).netloc


def _known_authorization(environ: Mapping[str, str]) -> str | None:
    user, password = environ.get("MLFLOW_TRACKING_USERNAME"), environ.get("MLFLOW_TRACKING_PASSWORD")
    if user and password:
        return _basic(user, password)
    if token := environ.get("MLFLOW_TRACKING_TOKEN"):
        return f"Bearer {token}"
    return _from_file(CREDENTIALS_FILE.expanduser())


def _from_file(path: Path) -> str | None:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path)
    except configparser.Error as error:
        raise StoreUnavailableError(f"cannot read {path}: {type(error).__name__}") from None
    if not parser.has_section("mlflow"):
        return None
    section = parser["mlflow"]
    user, password = section.get("mlflow_tracking_username"), section.get("mlflow_tracking_password")
    return _basic(user, password) if user and password else None


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _timeout(environ: Mapping[str, str]) -> float:
    text = environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT", "")
    try:
        return float(text) if text else DEFAULT_TIMEOUT
    except ValueError:
        raise StoreUnavailableError(f"MLFLOW_HTTP_REQUEST_TIMEOUT is {text!r}; write seconds, such as 30") from None
