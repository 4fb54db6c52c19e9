"""The layers of a module as a table, made without running it: Lightning's own summary may do a forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

SUMMARY_FILE = "model_summary.txt"


def model_summary(module: Any) -> str:
    """Return name, type, mode and number of parameters of every layer, and the totals, as a text."""
    rows = [("Name", "Type", "Params", "Mode"), *_rows(module)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    trainable, frozen = parameter_counts(module)
    totals = [f"{trainable:,} trainable parameters", f"{frozen:,} frozen parameters", f"{trainable + frozen:,} in all"]
    return "\n".join([lines[0], "-" * len(max(lines, key=len)), *lines[1:], "", *totals, ""])


def parameter_counts(module: Any) -> tuple[int, int]:
    """Return the numbers of trainable and of frozen parameters; one that is shared counts once."""
    counts = {True: 0, False: 0}
    for parameter in module.parameters():
        counts[parameter.requires_grad] += _size(parameter)
    return counts[True], counts[False]


def _rows(module: Any) -> Iterator[Sequence[str]]:
    for name, layer in module.named_modules():
        if name:
            size = sum(_size(parameter) for parameter in layer.parameters())
            yield name, type(layer).__name__, f"{size:,}", "train" if layer.training else "eval"


def _size(parameter: Any) -> int:
    """Return how many numbers a parameter has; one of a lazy layer that was never run has no shape yet."""
    return 0 if hasattr(parameter, "materialize") else int(parameter.numel())
