"""Choose which cells of a data set go into its fingerprint, and turn any Python value into bytes that never change.

Cells are spread evenly over every axis, the first and the last included, so that the choice depends on the shape
alone. No random numbers are drawn.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
import struct
import sys
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    import numpy as np

SAMPLE_BYTES = 65_536
SAMPLE_OBJECTS = 2_048  # cells that have to be encoded one by one
_TEXT_HEAD = 256
_NESTED_HEAD = 16
_NESTED_DEPTH = 4
_MISSING_TYPES = frozenset({"NAType", "NaTType"})


class Hasher(Protocol):
    """The one thing needed of a `hashlib` object."""

    def update(self, data: Any, /) -> None:
        """Add bytes."""


class Description(msgspec.Struct, frozen=True):
    """What is known of one container; its sampled content has gone into a hasher.

    Attributes:
        shape: Sizes of the axes, or None where they are not known.
        schema: One entry for each column, or one for a whole array.
        profile: Plain numbers: `size_bytes`, `sampled_rows`, `missing` and others.
        note: What could not be found out, and why.
    """

    shape: tuple[int, ...] | None = None
    schema: list[dict[str, Any]] = []
    profile: dict[str, Any] = {}
    note: str | None = None


def sample_sizes(shape: Sequence[int], cells: int) -> tuple[int, ...]:
    """Return how many positions of each axis to take, so that at most `cells` are taken in all.

    Example:
        >>> sample_sizes((1000, 4), 500)
        (125, 4)
    """
    sizes = list(shape)
    while math.prod(sizes) > max(cells, 1):
        longest = max(range(len(sizes)), key=sizes.__getitem__)
        sizes[longest] = (sizes[longest] + 1) // 2
    if sizes and 0 not in sizes:  # what halving left over goes to the rows
        sizes[0] = min(shape[0], max(cells, 1) // math.prod(sizes[1:]))
    return tuple(sizes)


def positions(length: int, count: int) -> np.ndarray[Any, Any]:
    """Return `count` evenly spaced positions of an axis, first and last included."""
    import numpy as np

    if count >= length:
        return np.arange(length)
    return np.arange(count, dtype=np.int64) * (length - 1) // max(count - 1, 1)


def hash_facts(hasher: Hasher, *facts: Any) -> None:
    """Add type, shape or names: plain values whose `repr` is the same in every process."""
    hasher.update(repr(facts).encode("utf-8", "surrogatepass"))


def hash_cells(hasher: Hasher, cells: Iterable[Any]) -> int:
    """Add values of any type and return how many of them are missing (None, NaN, NA, NaT)."""
    missing = 0
    encoded = []
    for cell in cells:
        encoded.append(encode(cell))
        missing += _is_missing(cell)
    hasher.update(b"".join(encoded))
    return missing


def encode(value: Any, depth: int = _NESTED_DEPTH) -> bytes:
    """Turn a value into bytes: by content for builtins, numpy and dates, by type name alone for all else.

    Long texts and nested containers count with their length and their beginning. A `repr` that a user has written is
    never called.
    """
    encoder = _ENCODERS.get(type(value)) or next(
        (_ENCODERS[kind] for kind in _ENCODERS if isinstance(value, kind)), None
    )
    if encoder is not None:
        return encoder(value, depth)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.generic, numpy.ndarray)):
        return _encode_numpy(value, depth)
    if type(value).__module__.partition(".")[0] == "pandas" and not hasattr(value, "__len__"):
        return _framed(type(value).__name__, str(value).encode())
    return _framed("?", f"{type(value).__module__}.{type(value).__qualname__}".encode())


def _framed(kind: str, content: bytes) -> bytes:
    return b"%s%d:%b" % (kind.encode(), len(content), content)


def _encode_text(value: str, _: int) -> bytes:
    return _framed(
        f"s{str.__len__(value)}/", str.__getitem__(value, slice(_TEXT_HEAD)).encode("utf-8", "surrogatepass")
    )


def _encode_bytes(value: bytes, _: int) -> bytes:
    return _framed(f"b{bytes.__len__(value)}/", bytes.__getitem__(value, slice(_TEXT_HEAD)))


def _encode_sequence(value: list[Any] | tuple[Any, ...], depth: int) -> bytes:
    if depth == 0:
        return _framed("l", b"")
    first = slice(_NESTED_HEAD)
    head = list.__getitem__(value, first) if isinstance(value, list) else tuple.__getitem__(value, first)
    length = list.__len__(value) if isinstance(value, list) else tuple.__len__(value)
    return _framed(f"l{length}/", b"".join(encode(item, depth - 1) for item in head))


def _encode_dict(value: dict[Any, Any], depth: int) -> bytes:
    if depth == 0:
        return _framed("d", b"")
    head = list(dict.items(value))[:_NESTED_HEAD]
    content = b"".join(encode(part, depth - 1) for item in head for part in item)
    return _framed(f"d{dict.__len__(value)}/", content)


def _encode_numpy(value: Any, depth: int) -> bytes:
    import numpy as np

    array = np.asarray(value)
    sample = array.reshape(-1)[:_NESTED_HEAD]
    if array.dtype.hasobject or array.dtype.kind in "OTV":
        content = _encode_sequence(sample.tolist(), depth)
    else:
        content = sample.tobytes()
    return _framed(f"a{array.dtype.str}{array.shape}", content)


def _is_missing(value: Any) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or type(value).__name__ in _MISSING_TYPES


def _encode_printed(value: Any, _: int) -> bytes:
    return _framed(type(value).__name__, str(value).encode())


_ENCODERS: dict[type, Callable[[Any, int], bytes]] = {
    str: _encode_text,
    float: lambda value, _: b"f" + struct.pack("<d", value),
    int: lambda value, _: _framed("i", hex(int(value)).encode()),  # decimal digits are limited in number
    type(None): lambda _, __: b"n",
    bytes: _encode_bytes,
    list: _encode_sequence,
    tuple: _encode_sequence,
    dict: _encode_dict,
    **dict.fromkeys((dt.date, dt.time, dt.timedelta, decimal.Decimal, uuid.UUID, complex), _encode_printed),
}
