"""Figures that were shown, as files `figures/shown_001.png` of a run; a bounded number, and each only once.

On the program's own thread a figure is copied into bytes, which draws nothing and leaves it as it is: matplotlib's by
pickle, plotly's as a dict. A process of our own draws them.
"""

from __future__ import annotations

import base64
import faulthandler
import io
import pickle
import sys
import weakref
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from autotrack.helper_process import HelperProcess
from autotrack.run import Run

MAX_SHOWN = 50
"""Figures of one run that are kept."""
MAX_TAKES = 10
"""How often a figure is taken again that is shown again; the last one stays."""
PATIENCE = 60.0
"""Seconds that drawing may take."""

Taken = list[tuple[str, bytes]]
_albums: weakref.WeakKeyDictionary[Run, _Album] = weakref.WeakKeyDictionary()


class _Album:
    """Which figures of a run were shown."""

    def __init__(self) -> None:
        self._count = 0
        self._names: weakref.WeakKeyDictionary[Any, list[str]] = weakref.WeakKeyDictionary()

    def name(self, figure: Any, suffix: str) -> str | None:
        """Return the file of a figure, the same when it is shown again; None where there are enough."""
        takes = self._names.get(figure, [])
        if len(takes) >= MAX_TAKES:
            return None
        name = takes[0] if takes else self.next_name(suffix)
        if name is not None:
            self._names[figure] = [*takes, name]
        return name

    def next_name(self, suffix: str) -> str | None:
        """Return the next file; None where there are enough."""
        if self._count >= MAX_SHOWN:
            return None
        self._count += 1
        return f"figures/shown_{self._count:03}.{suffix}"


class _TooLargeError(Exception):
    """A figure needs more bytes than may be kept."""


class _Limited(io.BytesIO):
    """Bytes in memory, up to a limit."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def write(self, data: Any, /) -> int:
        if self.tell() + len(memoryview(data)) > self._limit:
            raise _TooLargeError(f"it holds more than {self._limit / 1e6:.0f} MB")
        return super().write(data)


class _FigurePickler(pickle.Pickler):
    """Leaves callbacks out: a picture needs none, and asked for its state their registry counts on."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, sys.modules["matplotlib.cbook"].CallbackRegistry):
            return type(obj), ()
        return NotImplemented


def keep_matplotlib(run: Run, figures: Sequence[Any], limit: int) -> None:
    """Keep figures of matplotlib as PNG files, drawn by another process.

    Args:
        run: Where to.
        figures: The figures; they are neither drawn nor changed.
        limit: Bytes of the largest one.
    """
    with run.timed():
        taken = [(name, data) for figure in figures for name, data in _take(run, figure, limit)]
    if taken:
        run.defer("drawing figures", lambda: _draw(run, taken))


def _take(run: Run, figure: Any, limit: int) -> Taken:
    name = _album(run).name(figure, "png")
    if name is None:
        return []
    buffer = _Limited(limit)
    try:
        _FigurePickler(buffer, protocol=5).dump(figure)
    except Exception as error:  # noqa: BLE001 - a figure holds what the program put on it
        run.note("figure.skipped", f"{name}: {type(error).__name__}: {error}")
        return []
    return [(name, buffer.getvalue())]


def _draw(run: Run, taken: Taken) -> None:
    with closing(HelperProcess("autotrack.program_hooks.shown:draw")) as helper:
        for name, data in taken:
            reply = helper.ask(data)
            if "error" in reply:
                run.note("figure.skipped", f"{name}: {reply['error']}")
            else:
                run.log_bytes(name, reply["png"])


def draw(pickled: bytes) -> dict[str, Any]:
    """Draw a figure; called in the process that draws.

    Args:
        pickled: The figure, as `_take` has written it in the process that asks.
    """
    import matplotlib as mpl

    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    mpl.use("agg")
    try:
        figure = pickle.loads(pickled)  # noqa: S301 - our own bytes, from the process that started this one
        out = io.BytesIO()
        figure.savefig(out, format="png")
    except Exception as error:  # noqa: BLE001 - classes of the program's own cannot be found here, for one
        return {"error": f"{type(error).__name__}: {error}"}
    finally:
        faulthandler.cancel_dump_traceback_later()
    return {"png": out.getvalue()}


def keep_plotly(run: Run, figure: Any, limit: int) -> None:
    """Keep a figure of plotly as a JSON file, which plotly reads back.

    Args:
        run: Where to.
        figure: The figure.
        limit: Bytes of the largest file.
    """
    name = _album(run).next_name("json")
    if name is None:
        return
    with run.timed():
        content = figure.to_dict()  # a copy, so what the program does next is not seen

    def write() -> None:
        from plotly.io import to_json

        data = str(to_json(content, validate=False)).encode()
        if len(data) <= limit:
            run.log_bytes(name, data)
        else:
            run.note("figure.skipped", f"{name}: it holds more than {limit / 1e6:.0f} MB")

    run.defer("writing a figure", write)


def keep_drawn(run: Run, picture: bytes | str) -> None:
    """Keep a PNG file that is there already, as bytes or in base64."""
    name = _album(run).next_name("png")
    if name is not None:
        data = base64.b64decode(picture) if isinstance(picture, str) else picture
        run.defer("keeping a figure", lambda: run.log_bytes(name, data))


def _album(run: Run) -> _Album:
    return _albums.setdefault(run, _Album())
