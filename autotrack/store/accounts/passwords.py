"""Hash passwords with scrypt, and check them. Its cost is in the hash, so it can grow without breaking old ones."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from autotrack.errors import AccountError

MIN_LENGTH = 12
COST, BLOCK, PARALLEL = 2**14, 8, 1
"""N, r and p of RFC 7914: 16 MB and some 50 ms a password."""

SALT_BYTES, MAX_MEMORY = 16, 64 << 20


def hash_password(password: str) -> str:
    """Return what to keep of a password: `scrypt$N$r$p$salt$hash`.

    Raises:
        AccountError: It is too short.

    Example:
        >>> check_password("correct horse battery", hash_password("correct horse battery"))
        True
    """
    if len(password) < MIN_LENGTH:
        raise AccountError(f"a password needs at least {MIN_LENGTH} characters")
    salt = secrets.token_bytes(SALT_BYTES)
    parts = (base64.b64encode(part).decode() for part in (salt, _derive(password, salt, COST, BLOCK, PARALLEL)))
    return "$".join(("scrypt", str(COST), str(BLOCK), str(PARALLEL), *parts))


def check_password(password: str, kept: str) -> bool:
    """Say whether a password is the one that `hash_password` was given."""
    _, cost, block, parallel, salt, wanted = kept.split("$")
    derived = _derive(password, base64.b64decode(salt), int(cost), int(block), int(parallel))
    return hmac.compare_digest(derived, base64.b64decode(wanted))


def _derive(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    secret = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=cost, r=block, p=parallel, maxmem=MAX_MEMORY)
