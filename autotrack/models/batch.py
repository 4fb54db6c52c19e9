"""Predict for a file that may be larger than memory: read, predict and write it piece by piece."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autotrack.errors import SchemaError, UnsupportedValueError
from autotrack.models.file_pieces import open_writer, pieces
from autotrack.models.predictor import Predictor

if TYPE_CHECKING:
    import pandas as pd

PREDICTION = "prediction"
"""The column that predictions are written to; several outputs are numbered behind it."""
CHUNK_ROWS = 65_536


def predict_file(
    predictor: Predictor,
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    chunk_rows: int = CHUNK_ROWS,
    params: Mapping[str, Any] | None = None,
    keep_input: bool = False,
) -> Iterator[int]:
    """Predict for all rows of a file, in pieces.

    The output appears complete or not at all. Rows keep their order.

    Args:
        predictor: From `load_predictor`.
        source: A file of type .parquet or .csv (with a head).
        output: A file of type .parquet or .csv; its columns are `prediction`, or `prediction_0`, `prediction_1`, … of a
            model with several outputs, or the columns of the table that the model returns.
        chunk_rows: Rows in memory at a time.
        params: Inference parameters.
        keep_input: Write the columns of the input before the predictions.

    Yields:
        How many rows are done, after each piece.

    Raises:
        SchemaError: A row does not fit the signature; the message names the rows of the piece.
        UnsupportedValueError: A file is of another type.

    Example:
        >>> predictor = load_predictor("models:/churn@champion")  # doctest: +SKIP
        >>> sum(1 for _ in predict_file(predictor, "customers.parquet", "scores.parquet"))  # doctest: +SKIP
        12
    """
    source, output = Path(source), Path(output)
    done = 0
    with open_writer(output, empty=PREDICTION) as writer:
        for table in pieces(source, chunk_rows, _text_columns(predictor)):
            try:
                predictions = as_table(predictor.predict(table, params), table.index)
            except SchemaError as error:
                raise SchemaError(f"{source}, rows {done + 1} to {done + len(table)}: {error}", error.column) from error
            writer.write(_beside(table, predictions) if keep_input else predictions)
            done += len(table)
            yield done


def as_table(predictions: Any, index: Any) -> pd.DataFrame:
    """Return what a model predicted as a table, one row for each row of its input.

    Args:
        predictions: A table, or an array or list whose first axis are the rows.
        index: Of the input's rows.

    Raises:
        UnsupportedValueError: There are more or fewer predictions than rows.
    """
    import pandas as pd

    if isinstance(predictions, pd.DataFrame):
        table = predictions.set_axis([str(name) for name in predictions.columns], axis=1)
    else:
        array = np.asarray(predictions)
        if array.ndim > 1 and array.shape[1] == 1:
            array = array.reshape(len(array))
        columns = [array] if array.ndim <= 1 else list(array.reshape(len(array), -1).T)
        names = [PREDICTION] if len(columns) == 1 else [f"{PREDICTION}_{at}" for at in range(len(columns))]
        table = pd.DataFrame(dict(zip(names, columns, strict=True)))
    if len(table) != len(index):
        raise UnsupportedValueError(f"the model returned {len(table)} predictions for {len(index)} rows")
    return table.set_axis(index, axis=0)


def _beside(table: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    both = set(table.columns) & set(predictions.columns)
    if both:
        raise UnsupportedValueError(f"the input has a column {min(both)!r}, as the predictions do; rename it")
    return table.join(predictions)


def _text_columns(predictor: Predictor) -> list[Any]:
    """Return the columns that are texts whatever they look like: a postcode is no number."""
    inputs = predictor.model.signature["inputs"] or []
    return [entry["name"] for entry in inputs if entry["type"] in {"string", "binary", "datetime"} and "name" in entry]
