"""Numbers, times and sizes in the words people read: "3 min ago", "1.3 s", "0.9561", "12 MB"."""

from __future__ import annotations

import math
from datetime import datetime, timezone

_UNITS = ((86_400 * 365, "y"), (86_400 * 30, "mo"), (86_400, "d"), (3_600, "h"), (60, "min"))
_SIZES = ("B", "KB", "MB", "GB", "TB")


def age(moment: datetime, now: datetime | None = None) -> str:
    """Say how long ago something was.

    Example:
        >>> age(datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2026, 1, 3, tzinfo=timezone.utc))
        '2 d ago'
    """
    passed = ((now or datetime.now(timezone.utc)) - moment).total_seconds()
    for length, unit in _UNITS:
        if passed >= length:
            return f"{int(passed // length)} {unit} ago"
    return "just now" if passed < 1 else f"{int(passed)} s ago"


def seconds(length: float | None) -> str:
    """Say how long something took; nothing for None.

    Example:
        >>> seconds(0.0421), seconds(1.3), seconds(3_723)
        ('42 ms', '1.3 s', '1 h 02 min')
    """
    if length is None:
        return ""
    if length < 0.9995:
        return f"{length * 1000:.0f} ms"
    if length < 59.95:
        return f"{length:.1f} s"
    minutes, rest = divmod(round(length), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def number(value: float | None) -> str:
    """Return a metric in at most five significant digits; nothing for None.

    Example:
        >>> number(0.956137), number(12.0), number(1e-9), number(float("nan"))
        ('0.95614', '12', '1e-09', 'NaN')
    """
    if value is None:
        return ""
    if not math.isfinite(value):
        return non_finite(value)
    if value == round(value) and abs(value) < 1e15:
        return f"{value:.0f}"
    return f"{value:.5g}"


def non_finite(value: float) -> str:
    """Return "NaN", "Infinity" or "-Infinity"."""
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def size(count: float) -> str:
    """Return bytes as a size.

    Example:
        >>> size(512), size(20_480)
        ('512 B', '20.5 KB')
    """
    for unit in _SIZES[:-1]:
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} {_SIZES[-1]}"


def shorten(text: str, width: int) -> str:
    """Return the text on one line, cut to a width with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: max(width - 1, 0)] + "…"


def plural(count: int, word: str) -> str:
    """Return a count with its word, such as "3 runs"."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
