"""Turn the values users log into what records can hold: parameters, metric numbers, keys.

Nothing here imports numpy or a framework: an array can only arrive when its library is imported already, and all of
them speak `__float__` or `item()`.
"""

from __future__ import annotations

import hashlib
import json
import math
import reprlib
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any

from autotrack.errors import UnsupportedValueError
from autotrack.records import Param

MAX_PARAM_BYTES = 64 * 1024
MAX_KEY_LENGTH = 1024
MAX_DEPTH = 12
MAX_ITEMS = 10_000
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def clean_text(text: str) -> str:
    """Return `text` as UTF-8 and SQL can hold it: lone surrogates and NUL become visible escapes."""
    if "\x00" in text:
        text = text.replace("\x00", "\\x00")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def items_of(values: Mapping[Any, Any], what: str) -> Iterable[tuple[Any, Any]]:
    """Return the items of what was given as a mapping.

    Raises:
        UnsupportedValueError: It has none.
    """
    items = getattr(values, "items", None)
    if not callable(items):
        raise UnsupportedValueError(
            f"{what} are given as a mapping of names to values, got {type(values).__qualname__}: {reprlib.repr(values)}"
        )
    found: Iterable[tuple[Any, Any]] = items()
    return found


def clean_key(key: object) -> str:
    """Return the key of a param, metric or tag; keys over 1,024 characters end in a hash of the whole."""
    text = clean_text(key if isinstance(key, str) else str(key))
    if len(text) <= MAX_KEY_LENGTH:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{text[: MAX_KEY_LENGTH - 17]}~{digest}"


def to_metric(value: Any) -> float:
    """Return a scalar of any library as a float.

    Args:
        value: An int, float, bool, Decimal, Fraction, or an array or tensor with one element.

    Raises:
        UnsupportedValueError: It is not one number.
    """
    if type(value) is float or type(value) is int:
        return _int_to_float(value)
    if isinstance(value, (str, bytes, bytearray)) or value is None:
        raise UnsupportedValueError(f"a metric must be a number, got {type(value).__name__}: {reprlib.repr(value)}")
    if isinstance(value, (int, float, Decimal, Fraction)):
        return _int_to_float(value)
    try:
        item = getattr(value, "item", None)
        return float(item() if item is not None else value)
    except Exception as error:
        raise UnsupportedValueError(
            f"a metric must be one number, got {type(value).__qualname__} ({type(error).__name__}: {error})"
        ) from None


def _int_to_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def to_step(step: Any) -> int:
    """Return a step as a 64-bit integer.

    Raises:
        UnsupportedValueError: It is not an integer, or needs more than 64 bits.
    """
    try:
        number = int(step) if isinstance(step, float) and step.is_integer() else step.__index__()
    except Exception:
        raise UnsupportedValueError(f"a step must be an integer, got {reprlib.repr(step)}") from None
    if not INT64_MIN <= number <= INT64_MAX:
        raise UnsupportedValueError(f"a step must fit in 64 bits, got {number}")
    return int(number)


def to_param(value: Any) -> Param:
    """Return any object as a typed parameter; never raises.

    Lists, tuples, sets and dicts of plain values keep their structure ("json"); other objects keep their `repr`.
    """
    kind, text = _typed_text(value)
    data = (text := clean_text(text)).encode()
    if len(data) <= MAX_PARAM_BYTES:
        return Param(text, kind)
    preview = data[:MAX_PARAM_BYTES].decode(errors="ignore")
    return Param(preview, kind, len(data), hashlib.sha256(data).hexdigest())


def from_param(param: Param) -> Any:
    """Return the value a parameter stands for; previews and objects come back as text."""
    if param.size is not None:
        return param.text
    match param.type:
        case "null":
            return None
        case "bool":
            return param.text == "true"
        case "int":
            return int(param.text)
        case "float":
            return float(param.text)
        case "json":
            return json.loads(param.text)
        case _:
            return param.text


def _typed_text(value: Any) -> tuple[str, str]:
    if value is None:
        return "null", "null"
    if isinstance(value, bool):
        return "bool", "true" if value else "false"
    if isinstance(value, int):
        return "int", _int_text(value)
    if isinstance(value, float):
        return "float", float.__repr__(value)
    if isinstance(value, str):
        return "str", str.__str__(value)
    if _is_scalar_array(value):
        return _typed_text(value.item())
    if isinstance(value, (list, tuple, Mapping, AbstractSet)) or _is_small_array(value):
        return "json", json.dumps(jsonable(value, MAX_DEPTH), ensure_ascii=False)
    return "repr", safe_repr(value)


def _int_text(value: int) -> str:
    try:
        return int.__repr__(value)
    except ValueError:  # CPython refuses the decimal text of ints over 4,300 digits
        return hex(value)


def _is_scalar_array(value: Any) -> bool:
    return getattr(value, "shape", None) == () and hasattr(value, "item") and getattr(value, "size", 1) == 1


def _is_small_array(value: Any) -> bool:
    shape = getattr(value, "shape", None)
    return isinstance(shape, tuple) and hasattr(value, "tolist") and math.prod(shape) <= MAX_ITEMS


def jsonable(value: Any, depth: int, parents: frozenset[int] = frozenset()) -> Any:
    """Copy plain data for JSON; cut cycles and great depth, order sets, and turn what is left into text."""
    if value is None or isinstance(value, (bool, str, int, float)):
        return _plain(value)
    if _is_scalar_array(value):
        return jsonable(value.item(), depth, parents)
    if id(value) in parents:
        return "<recursive>"
    if depth == 0:
        return reprlib.repr(value)
    return _container(value, depth - 1, parents | {id(value)})


def _plain(value: str | float | None) -> str | float | None:
    """Strip subclasses (numpy's float64 is a float), and write out ints that JSON readers would round."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value) if INT64_MIN <= value <= INT64_MAX else _int_text(value)
    return float(value)


def _container(value: Any, depth: int, parents: frozenset[int]) -> Any:
    if isinstance(value, Mapping):
        return {str(k): jsonable(v, depth, parents) for k, v in islice(value.items(), MAX_ITEMS)}
    if isinstance(value, AbstractSet):
        return sorted((jsonable(v, depth, parents) for v in _first_items(value)), key=repr)
    if isinstance(value, (list, tuple)):
        return [jsonable(v, depth, parents) for v in _first_items(value)]
    if _is_small_array(value):
        return jsonable(value.tolist(), depth, parents)
    return safe_repr(value)


def _first_items(values: Any) -> list[Any]:
    items: list[Any] = []
    for item in values:
        if len(items) == MAX_ITEMS:
            items.append(f"<and more, {len(values)} in all>")
            break
        items.append(item)
    return items


def safe_repr(value: Any) -> str:
    """Return `repr(value)`, or what can be said of an object whose repr fails."""
    try:
        return repr(value)
    except Exception as error:
        return f"<{type(value).__qualname__} object, its repr raised {type(error).__name__}>"
