"""Which names the server answers to. A stranger's page whose name is made to point here (DNS rebinding) gets nothing.

The `Host` header is read once, into a name and a port. Names are compared exactly, addresses as addresses and never by
pattern: `10.*` would let `10.evil.example` in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple, TypeAlias

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9._-]{1,253}))(?::(?P<port>[0-9]{1,5}))?")

Name: TypeAlias = str | IPv4Address | IPv6Address


class Host(NamedTuple):
    """What a `Host` header says; `port` is None where it names none."""

    name: Name
    port: int | None


class AllowedHosts:
    """The names under which the server may be called.

    Args:
        names: Names and addresses, in any case and without port; the loopback names are always among them.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(map(canonical_name, (*LOOPBACK, *names)))

    def __contains__(self, header: str) -> bool:
        host = parse_host(header)
        return host is not None and host.name in self._names


@lru_cache(maxsize=256)  # every request has one, and nearly always the same
def parse_host(header: str) -> Host | None:
    """Read a `Host` header, or the host of an `Origin`; None for what is neither."""
    match = _HOST.fullmatch(header)
    if match is None:
        return None
    port = None if match["port"] is None else int(match["port"])
    try:
        name = IPv6Address(match["v6"]) if match["v6"] else canonical_name(match["name"])
    except ValueError:
        return None
    return Host(name, port)


def canonical_name(name: str) -> Name:
    """Give the one form of a name by which it is compared."""
    try:
        return ip_address(name.strip("[]"))
    except ValueError:
        return name.lower()


def is_loopback(name: str) -> bool:
    """Say whether a name that the server binds to is reached from this machine only."""
    canonical = canonical_name(name)
    return canonical == "localhost" if isinstance(canonical, str) else canonical.is_loopback
