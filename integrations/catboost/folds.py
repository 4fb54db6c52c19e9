"""The folds of a cross-validation, from the files that CatBoost writes of each; `cv` returns their means only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autotrack.boosting.cross_validation import FoldTable
from autotrack.boosting.iterations import metric_key

_DIRECTORY = "catboost_info"
_FILES = {"train": "learn_error.tsv", "test": "test_error.tsv"}
Stamp = tuple[int, int]
Texts = list[dict[str, str]]
"""For each fold, in their order, what its files hold, by "train" and "test"."""


class FoldFiles:
    """The files of one cross-validation, told from those that an earlier one left in the same place.

    Args:
        params: The parameters of the call, before it begins.
    """

    def __init__(self, params: Any) -> None:
        train_dir = params.get("train_dir") if isinstance(params, Mapping) else None
        self._root = Path(train_dir or _DIRECTORY).absolute()
        self._earlier = self._stamps()

    def read(self) -> Texts:
        """Return what was written since: nothing with `allow_writing_files=False`."""
        written = {path for path, stamp in self._stamps().items() if self._earlier.get(path) != stamp}
        texts: Texts = []
        while True:
            folder = self._root / f"fold-{len(texts)}"
            found = {name: folder / file for name, file in _FILES.items() if folder / file in written}
            if not found:
                return texts
            texts.append({name: path.read_text() for name, path in found.items()})

    def _stamps(self) -> dict[Path, Stamp]:
        stamps = {}
        for path in self._root.glob("fold-*/*_error.tsv"):
            state = path.stat()
            stamps[path] = state.st_mtime_ns, state.st_size
        return stamps


def table_of(texts: Texts) -> FoldTable:
    """Return the table of what the files hold."""
    table = FoldTable()
    for fold, parts in enumerate(texts):
        rows: dict[int, dict[str, float]] = {}  # by iteration, of which there are gaps with a `metric_period`
        for name, text in parts.items():
            head, *lines = text.splitlines()
            keys = [metric_key(name, metric) for metric in head.split("\t")[1:]]
            for line in lines:
                place, *values = line.split("\t")
                found = {key: float(value) for key, value in zip(keys, values, strict=True) if value}
                rows.setdefault(int(place), {}).update(found)
        for step, metrics in rows.items():
            table.add(fold, metrics, step)
    return table
