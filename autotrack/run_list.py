"""A list of runs read back, and the tables it turns into."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from autotrack.errors import MissingDependencyError
from autotrack.stored_run import ATTRIBUTES, StoredRun

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_PLAIN = (str, int, float, bool)


class RunList(list[StoredRun]):
    """Runs in the order that was asked for; a list like any other.

    Example:
        >>> import autotrack
        >>> with autotrack.start_run("a"):
        ...     autotrack.log_param("C", 0.5)
        >>> runs = autotrack.search_runs("params.C < 1")
        >>> [run.params for run in runs]
        [{'C': 0.5}]
    """

    @overload
    def __getitem__(self, index: SupportsIndex) -> StoredRun: ...

    @overload
    def __getitem__(self, index: slice) -> RunList: ...

    def __getitem__(self, index: SupportsIndex | slice) -> StoredRun | RunList:
        """Return one run, or a part of the list."""
        return RunList(super().__getitem__(index)) if isinstance(index, slice) else super().__getitem__(index)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return one flat dict per run: its attributes, and its values as `params.x`, `metrics.y` and `tags.z`."""
        return [run.to_dict() for run in self]

    def columns(self) -> dict[str, list[Any]]:
        """Return the same as columns, with None where a run lacks a value: attributes, params, metrics, tags."""
        rows = self.to_dicts()
        names = {name for row in rows for name in row} - set(ATTRIBUTES)
        order = sorted(names, key=lambda name: (("params", "metrics", "tags").index(name.split(".", 1)[0]), name))
        return {name: [row.get(name) for row in rows] for name in (*ATTRIBUTES, *order)}

    def to_pandas(self) -> pd.DataFrame:
        """Return a pandas DataFrame with one row per run and the columns of `to_dicts`.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise MissingDependencyError("pandas", "pandas") from error
        return pd.DataFrame(self.columns())

    def to_polars(self) -> pl.DataFrame:
        """Return a polars DataFrame with one row per run and the columns of `to_dicts`.

        A parameter that is of several types, or a list or dict, becomes a column of texts.

        Raises:
            MissingDependencyError: polars is not installed.
        """
        try:
            import polars as pl
        except ModuleNotFoundError as error:
            raise MissingDependencyError("polars", "polars") from error
        columns = self.columns()
        return pl.DataFrame(
            {name: _one_type(values) if name.startswith("params.") else values for name, values in columns.items()},
            schema_overrides={
                name: kind
                for name in columns
                if (kind := _fixed_type(name, pl.Float64, pl.String, pl.Datetime("us", "UTC"))) is not None
            },
        )

    def _repr_html_(self) -> str:
        from autotrack.run_html import run_table

        return run_table(self)


def _fixed_type(name: str, number: Any, text: Any, moment: Any) -> Any:
    if name.startswith("metrics.") or name == "duration":
        return number
    if name.endswith("_time") and name in ATTRIBUTES:
        return moment
    return None if name.startswith("params.") else text


def _one_type(values: Sequence[Any]) -> list[Any]:
    """Return values of one plain type as they are, ints and floats as floats, others as texts."""
    types = {type(value) for value in values if value is not None}
    if types == {int, float}:
        return [None if value is None else float(value) for value in values]
    if len(types) <= 1 and types <= set(_PLAIN) and not _too_long(values):
        return list(values)
    return [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]


def _too_long(values: Sequence[Any]) -> bool:
    return any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in values)
