"""What a team's server is told when it starts; each of its processes gets a copy."""

from __future__ import annotations

from pathlib import Path

import msgspec

from autotrack.place import Place

PORT = 7338
CONCURRENT = 512


class TeamSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a server runs.

    Attributes:
        place: The store, and the home beside it.
        artifacts: Where files are kept: a path, or the URL of a bucket; empty for the home's own folder.
        host: What it binds to.
        port: Where.
        workers: Processes that answer.
        allowed_hosts: Names it answers to beside its own.
        login: Whether accounts are asked for; without, everybody who reaches it may do all.
        secure: Whether a proxy with TLS stands before it, so that cookies are for TLS only.
        login_header: Header in which a proxy names the account of a request; empty where none does.
        trusted_proxies: Addresses and networks of proxies that are believed.
        log_json: Whether its log is JSON, one object a line.
        grace: Seconds that requests have to end after it was told to stop.
    """

    place: Place
    artifacts: str = ""
    host: str = "127.0.0.1"
    port: int = PORT
    workers: int = 1
    allowed_hosts: tuple[str, ...] = ()
    login: bool = True
    secure: bool = False
    login_header: str = ""
    trusted_proxies: tuple[str, ...] = ()
    log_json: bool = False
    grace: int = 20

    @property
    def files(self) -> str:
        """Where files are kept."""
        return self.artifacts or str(Path(self.place.home) / "artifacts")
