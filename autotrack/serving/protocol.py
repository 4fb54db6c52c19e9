"""The scoring protocol of MLflow's clients: from the bytes of a request to data for a model, and back to bytes.

Source: https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/#inference-server-specification
"""

from __future__ import annotations

import io
import json
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from autotrack.errors import AutotrackError

if TYPE_CHECKING:
    import pandas as pd

FIELDS = ("dataframe_split", "dataframe_records", "instances", "inputs")
"""The fields of a JSON body of which exactly one holds the data."""
JSON = "application/json"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"

Schema = list[dict[str, Any]]


class RequestError(AutotrackError):
    """A request cannot be answered, and the one who sent it can change that.

    Args:
        message: What is wrong with it.
        status: The HTTP status.
        column: The column that is meant, if it is one.
    """

    def __init__(self, message: str, status: int = 400, column: str | int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.column = column


class Payload(msgspec.Struct, frozen=True):
    """What a request asks for.

    Attributes:
        data: A DataFrame, an array, a dict of columns or named arrays, or a list.
        params: Inference parameters.
    """

    data: Any
    params: dict[str, Any] = {}


def read_payload(body: bytes, content_type: str, inputs: Schema | None) -> Payload:
    """Read the body of a scoring request.

    Args:
        body: As it was sent.
        content_type: Its type: JSON, CSV or Parquet.
        inputs: The inputs of the model's signature, which says what CSV and JSON leave open.

    Raises:
        RequestError: With status 415 for another type, with 400 for a body that is not of its type.

    Example:
        >>> read_payload(b'{"inputs": {"age": [31, 64]}, "params": {"top": 1}}', "application/json", None)
        Payload(data={'age': [31, 64]}, params={'top': 1})
    """
    kind = _media_type(content_type)
    if kind == CSV:
        return Payload(_read_csv(body, inputs))
    if kind == PARQUET:
        return Payload(_read_parquet(body))
    return _read_json(body, inputs)


def _media_type(content_type: str) -> str:
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if kind not in {JSON, CSV, PARQUET}:
        given = f"not {content_type!r}" if content_type else "and this request has none"
        raise RequestError(f"the content type must be {JSON}, {CSV} or {PARQUET}, {given}", 415)
    for parameter in parameters:
        if parameter.replace('"', "") != "charset=utf-8":
            raise RequestError(f"the content type has {parameter!r}; only charset=utf-8 is understood", 415)
    return kind


def _read_json(body: bytes, inputs: Schema | None) -> Payload:
    content = _parse(body)
    if not isinstance(content, dict):
        raise RequestError(f"the body must be a JSON object with one of the fields {', '.join(FIELDS)}")
    fields = [field for field in FIELDS if field in content]
    if len(fields) != 1:
        has = ", ".join(map(repr, content)) or "none at all"
        raise RequestError(f"the body must have exactly one of the fields {', '.join(FIELDS)}; it has {has}")
    params = content.get("params")
    if params is not None and not isinstance(params, dict):
        raise RequestError("params must be a JSON object: names and values")
    data = content[fields[0]]
    read = {"dataframe_split": _split, "dataframe_records": _records, "instances": _instances, "inputs": _inputs}
    return Payload(read[fields[0]](data, inputs), params or {})


def _parse(body: bytes) -> Any:
    """Read JSON, with the NaN and Infinity that Python's clients write."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is no JSON: {error}") from error


def _split(data: Any, inputs: Schema | None) -> pd.DataFrame:
    if not isinstance(data, dict) or "data" not in data or data.keys() - {"columns", "data", "index"}:
        raise RequestError("dataframe_split must be an object with `data`, and perhaps `columns` and `index`")
    rows, columns = data["data"], data.get("columns")
    if inputs is not None and (numbers := _numbers(rows)) is not None:
        rows, columns = numbers, _names(columns)
    return _frame("dataframe_split", rows, columns=columns, index=data.get("index"))


def _names(columns: Any) -> Any:
    """Return names as an index of Python's own texts: libraries read them one by one, which Arrow makes slow."""
    import pandas as pd

    return pd.Index(columns, dtype=object) if isinstance(columns, list) else columns


def _numbers(rows: Any) -> np.ndarray[Any, Any] | None:
    """Return rows of numbers as one array, which makes a table ten times faster; None where a value might change."""
    try:
        kinds = set(map(type, chain.from_iterable(rows)))
        if not kinds or kinds - {int, float}:
            return None
        array = np.array(rows)
    except (TypeError, ValueError):  # no rows, or of different lengths: what is wrong is said elsewhere
        return None
    exact = array.dtype.kind == "i" or (
        array.dtype.kind == "f" and (kinds == {float} or not (abs(array) >= 2**53).any())
    )
    return array if exact else None


def _records(data: Any, inputs: Schema | None) -> pd.DataFrame:  # noqa: ARG001 - all readers are called alike
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise RequestError("dataframe_records must be a list of objects, one a row")
    return _frame("dataframe_records", data)


def _instances(data: Any, inputs: Schema | None) -> Any:
    """Turn a list of objects into columns; with other data it is the same as `inputs`."""
    if isinstance(data, list) and data and all(isinstance(row, dict) for row in data):
        if not any(entry["type"] == "tensor" for entry in inputs or ()):
            return _frame("instances", data)
        names = list(dict.fromkeys(chain.from_iterable(data)))
        for name in names:
            if missing := [at for at, row in enumerate(data) if name not in row]:
                raise RequestError(f"instances: row {missing[0]} has no {name!r}, others have", column=name)
        return {name: [row[name] for row in data] for name in names}
    return _inputs(data, inputs)


def _inputs(data: Any, inputs: Schema | None) -> Any:
    if inputs is not None or not isinstance(data, list):
        return data
    if data and all(isinstance(row, dict) for row in data):
        return _frame("inputs", data)
    try:
        return np.array(data)
    except ValueError as error:
        raise RequestError(f"the rows are of different lengths: {error}") from error


def _frame(field: str, data: Any, **axes: Any) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.DataFrame(data, **axes)
    except (ValueError, TypeError, AssertionError) as error:
        raise RequestError(f"{field} is no table: {error}") from error


def _read_csv(body: bytes, inputs: Schema | None) -> pd.DataFrame:
    """Read a CSV with a head; columns that the model takes as texts stay texts, such as a postcode with a zero."""
    import pandas as pd

    texts = {entry["name"]: "str" for entry in inputs or () if entry["type"] == "string" and "name" in entry}
    try:
        return pd.read_csv(io.StringIO(body.decode("utf-8")), dtype=texts)
    except (ValueError, OverflowError) as error:  # pandas' own errors and those of UTF-8 are ValueErrors
        raise RequestError(f"the body is no CSV with a head: {error}") from error


def _read_parquet(body: bytes) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(io.BytesIO(body))
    except (OSError, ValueError) as error:  # pyarrow's errors are of these kinds
        raise RequestError(f"the body is no Parquet file: {error}") from error


def write_predictions(predictions: Any) -> bytes:
    """Return the answer: `{"predictions": …}`, in strict JSON, where NaN and the infinities are null.

    Args:
        predictions: An array, a table (then each row is an object), a dict of arrays or whatever JSON can say.

    Raises:
        TypeError: It holds what JSON cannot say.

    Example:
        >>> write_predictions(np.array([0.5, np.nan]))
        b'{"predictions":[0.5,null]}'
    """
    return _ENCODER.encode({"predictions": _plain(predictions)})


def _plain(value: Any) -> Any:
    """Turn what no JSON encoder knows into what it does."""
    if hasattr(value, "to_frame"):  # a pandas Series
        value = value.to_frame()
    if hasattr(value, "to_dict"):
        return value.to_dict(orient="records")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (dict, list, tuple, str, int, float, bool, bytes)) or value is None:
        return value
    raise TypeError(f"a prediction of type {type(value).__module__}.{type(value).__qualname__} has no JSON form")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)
