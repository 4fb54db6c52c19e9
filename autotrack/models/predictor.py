"""`Predictor`: a loaded model behind its signature: any table, array or dict in, predictions out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from autotrack.errors import SchemaError
from autotrack.models.flavors.python_function import native
from autotrack.models.loading import load_found
from autotrack.models.schema import enforce_schema
from autotrack.models.stored import StoredModel, open_model

_CONVERTERS = {
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "string": str,
    "boolean": bool,
}


class Predictor:
    """A model that predicts from whatever its signature can be satisfied with.

    Use `load_predictor` to make one. Predicting from several threads is as safe as it is in the model's library.

    Args:
        model: The stored model.
        trust: Whether code of the model may run.

    Attributes:
        model: The stored model: its page, signature and files.
        native: The model as its library knows it.
    """

    def __init__(self, model: StoredModel, *, trust: bool = False) -> None:
        self.model = model
        found, flavor = load_found(model, trust=trust)
        self.native = native(found)
        self._predict = flavor.predictor(found, model)

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Predict.

        Args:
            data: A pandas, polars or Arrow table, a NumPy array, a sparse matrix, a dict of columns or of named arrays,
                a record, or a list of records or rows.
            params: Inference parameters that the model takes. Default: those of its signature.

        Returns:
            What the model's library returns, one entry for each row.

        Raises:
            SchemaError: The data do not fit the signature; the message names the column.
        """
        return self._predict(self.prepare(data), self._params(params))

    def prepare(self, data: Any) -> Any:
        """Return the data as the model is given them: checked, in its order, of its types."""
        return enforce_schema(data, self.model.signature["inputs"])

    def _params(self, params: Mapping[str, Any] | None) -> dict[str, Any]:
        known = {entry["name"]: entry for entry in self.model.signature["params"] or ()}
        given = dict(params or {})
        for name in given.keys() - known.keys():
            has = ", ".join(map(repr, known)) or "none at all"
            raise SchemaError(f"{self.model.uri} has no parameter {name!r}; it has {has}", name)
        return {name: _param(entry, given.get(name, entry.get("default"))) for name, entry in known.items()}

    def __repr__(self) -> str:
        """Return one line: the URI and what it holds."""
        return f"<Predictor {self.model.uri} {type(self.native).__name__}>"


def _param(entry: dict[str, Any], value: Any) -> Any:
    """Read a parameter as the type that its signature names."""
    convert = _CONVERTERS.get(entry.get("type", ""))
    if convert is None or value is None:
        return value
    if entry.get("shape"):
        return [_convert(convert, entry, item) for item in value]
    return _convert(convert, entry, value)


def _convert(convert: Any, entry: dict[str, Any], value: Any) -> Any:
    if convert is bool and not isinstance(value, bool):
        raise SchemaError(f"parameter {entry['name']!r} is boolean, not {value!r}", entry["name"])
    try:
        return convert(value)
    except (TypeError, ValueError) as error:
        raise SchemaError(f"parameter {entry['name']!r} is {entry['type']}, not {value!r}", entry["name"]) from error


def load_predictor(uri: str | os.PathLike[str] | StoredModel, *, trust: bool = False) -> Predictor:
    """Load a model to predict with, whatever library made it.

    Args:
        uri: `runs:/<run>/<name>`, `models:/<name>/<version or stage>`, `models:/<name>@<alias>`, or a path.
        trust: Load also what runs code: pickles, models with code files. Default: False.

    Returns:
        An object with `predict(data)`, which enforces the model's signature.

    Raises:
        ModelError: As `load` raises.

    Example:
        >>> import autotrack
        >>> predictor = autotrack.models.load_predictor("models:/churn@champion")  # doctest: +SKIP
        >>> predictor.predict({"age": [31, 64], "plan": ["basic", "pro"]})  # doctest: +SKIP
        array([0, 1])
    """
    return Predictor(open_model(uri), trust=trust)
