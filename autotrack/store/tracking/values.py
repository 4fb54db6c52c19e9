"""Metrics, parameters and the history of metrics of a run, as a server writes and reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import BigInteger, Connection, bindparam, select

from autotrack.errors import ConflictError
from autotrack.records import Param
from autotrack.store.apply import as_number
from autotrack.store.columns import decode_text
from autotrack.store.schema import param
from autotrack.store.series import Block, write_points
from autotrack.store.statements import HotStatement, put
from autotrack.values import MAX_PARAM_BYTES, from_param, to_param

if TYPE_CHECKING:
    from autotrack.store.chunks import Points


class Point(NamedTuple):
    """One value of a metric; `time` in nanoseconds since the epoch."""

    key: str
    value: float
    time: int
    step: int


def log_points(connection: Connection, row: int, points: Sequence[Point]) -> None:
    """Add points of metrics to a run, each once however often the same batch has it."""
    blocks: dict[str, Block] = {}
    for key, value, time, step in dict.fromkeys(points):
        steps, values, times = blocks.setdefault(key, ([], [], []))
        steps.append(step)
        values.append(value)
        times.append(time)
    write_points(connection, {row: blocks})


def log_params(connection: Connection, row: int, params: Mapping[str, str]) -> None:
    """Set parameters of a run. The same value may be set again.

    Raises:
        ConflictError: One has another value already.
    """
    done = set()
    places = {f"key_{number}": key for number, key in enumerate(params)}
    there: Any = _known(len(params))(connection, {"run_id": row, **places}).fetchall()
    for key, text, kind, size, sha256 in there:
        known, name = Param(decode_text(text), kind, size, sha256), decode_text(key)
        if param_text(known) != params[name] and known != text_param(params[name]):
            raise ConflictError(f"parameter {name!r} has another value already, and values of parameters never change")
        done.add(name)
    fresh = {key: text_param(text) for key, text in params.items() if key not in done}
    rows = [{"run_id": row, "key": key, "num": as_number(value), **_columns(value)} for key, value in fresh.items()]
    put(connection, param, rows)


@lru_cache
def _known(count: int) -> HotStatement:
    """Read those of some parameters of a run that are there; as many statements as a batch may have parameters."""
    columns = select(param.c.key, param.c.text, param.c.type, param.c.size, param.c.sha256)
    wanted = [bindparam(f"key_{number}", type_=param.c.key.type) for number in range(count)]
    here = columns.where(param.c.run_id == bindparam("run_id", type_=BigInteger), param.c.key.in_(wanted))
    return HotStatement(lambda _: here, {one.key: one.type for one in wanted})


def text_param(text: str) -> Param:
    """Return a parameter that came as text; one above 64 KB is a preview, as everywhere."""
    short = len(text) * 4 <= MAX_PARAM_BYTES or len(text.encode("utf-8", "surrogatepass")) <= MAX_PARAM_BYTES
    return Param(text, "str") if short else to_param(text)


def param_text(value: Param) -> str:
    """Return a parameter as text: what `str` makes of it, which is what clients of MLflow send.

    Example:
        >>> param_text(Param("true", "bool")), param_text(Param("0.5", "float"))
        ('True', '0.5')
    """
    return value.text if value.type == "str" else str(from_param(value))


def read_points(connection: Connection, row: int, key: str) -> Points:
    """Read the history of a metric: by time, then step, as MLflow gives it, and each point once.

    A client that did not hear our answer sends its batch again; what came twice is told apart here and not on writing,
    where it would cost a lookup for each point.
    """
    import numpy as np

    from autotrack.store.chunks import take
    from autotrack.store.points import read_history

    found = read_history(connection, row, key)
    order = np.lexsort((found.values, found.steps, found.times))
    points = take(found, order)
    same = np.ones(len(points.steps), bool)
    if len(points.steps) > 1:
        bits = points.values.view(np.int64)
        columns = (points.steps, points.times, bits)
        same[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return take(points, np.flatnonzero(same))


def _columns(value: Param) -> dict[str, str | int | None]:
    return {"text": value.text, "type": value.type, "size": value.size, "sha256": value.sha256}
