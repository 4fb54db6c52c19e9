"""Column types that keep what Python can hold, on SQLite and PostgreSQL alike: any text, float and plain structure."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Dialect, Double, ForeignKey, Integer, LargeBinary, Text
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

KEY_BYTES = 1000
"""Longest key stored whole; PostgreSQL refuses index entries above 2,704 bytes."""

_ESCAPE = "\uf8ff"
_UNSTORABLE = re.compile(f"[\x00\ud800-\udfff{_ESCAPE}]")
_ESCAPED = re.compile(f"{_ESCAPE}([0-9a-f]{{4}})")


def encode_text(text: str) -> str:
    """Escape what databases refuse: NUL and lone surrogates. `decode_text` gives the same text back."""
    return _UNSTORABLE.sub(lambda match: f"{_ESCAPE}{ord(match[0]):04x}", text)


def decode_text(text: str) -> str:
    """Undo `encode_text`."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if _ESCAPE in text else text


def bounded_key(key: str) -> str:
    """Shorten a key too long for an index to its beginning and a hash of the whole; others stay as they are."""
    if len(key) * 3 <= KEY_BYTES:
        return key
    data = key.encode("utf-8", "surrogatepass")
    if len(data) <= KEY_BYTES:
        return key
    return f"{data[: KEY_BYTES - 64].decode('utf-8', 'ignore')}…#{hashlib.sha256(data).hexdigest()[:32]}"


class AnyText(TypeDecorator[str]):
    """Text of any content and length, compared by code point whatever the locale of the database."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Give the text type whose order is that of the code points."""
        return Text(collation="C") if dialect.name == "postgresql" else dialect.type_descriptor(Text())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Escape on the way in."""
        return None if value is None else encode_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Unescape on the way out."""
        return None if value is None else decode_text(value)


class Key(AnyText):
    """Text that stands in an index: shortened where it is too long for one."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Shorten, then escape on the way in."""
        return None if value is None else encode_text(bounded_key(value))


class _UntypedColumn(UserDefinedType[float]):
    """A SQLite column without affinity: REAL columns would turn -0.0 into 0.0."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "BLOB"


class Float(TypeDecorator[float]):
    """A 64-bit float kept exactly, but for NaN: that is NULL, as in SQLite, and has no order."""

    impl = Double
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Give the column type that changes no bit."""
        return dialect.type_descriptor(_UntypedColumn() if dialect.name == "sqlite" else Double())

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:  # noqa: ARG002
        """Turn NaN into NULL."""
        return None if value is None or value != value else value  # noqa: PLR0124


class Packed(TypeDecorator[Any]):
    """A structure of builtins as msgpack, which has NaN and infinity where JSON has not."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Encode on the way in."""
        return None if value is None else msgspec.msgpack.encode(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """Decode on the way out."""
        return None if value is None else msgspec.msgpack.decode(value)


def row_id() -> TypeEngine[int]:
    """Give the type of a number that the database assigns: SQLite does so for INTEGER only."""
    return BigInteger().with_variant(Integer(), "sqlite")


def belongs_to(name: str, table: str, **options: Any) -> Column[int]:
    """Give a column with the id of a row of another table, with which its own row goes."""
    return Column(name, BigInteger, ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False, **options)
