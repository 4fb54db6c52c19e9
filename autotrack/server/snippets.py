"""Code to copy: how to load a model, serve it, and ask it for a prediction."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from autotrack.store.registry.comparison import read_columns

MAX_COLUMNS = 50
_EXAMPLES: dict[str, Any] = {"boolean": True, "string": "text", "datetime": "2026-01-01T00:00:00"}
_EXAMPLES |= dict.fromkeys(("integer", "long"), 1) | dict.fromkeys(("float", "double"), 0.5)
_WARNING = "  # runs code of the file: only if you trust who made it"


def python_snippet(uri: str, lasting_uri: str, *, trust: bool) -> str:
    """Return Python that loads a model and predicts with it.

    Args:
        uri: Of the model.
        lasting_uri: The one that goes on to work when a next version takes over; the same for a model of a run.
        trust: Whether the model is read only where it is trusted.
    """
    more, warning = (", trust=True", _WARNING) if trust else ("", "")
    return (
        "import autotrack.models\n\n"
        f"model = autotrack.models.load({_quote(uri)}{more}){warning}\n\n"
        f"predictor = autotrack.models.load_predictor({_quote(lasting_uri)}{more})\n"
        "predictor.predict(data)  # checks the columns first\n"
    )


def mlflow_snippet(uid: str, flavors: Sequence[str]) -> str:
    """Return Python that loads a model which an MLflow client logged to this server, also as its library's own."""
    uri = _quote(f"models:/{uid}")
    own = [name for name in flavors if name.isidentifier() and name != "python_function"][:1]
    native = "".join(f"\noriginal = mlflow.{name}.load_model({uri})  # as its library knows it\n" for name in own)
    return f"import mlflow\n\nmodel = mlflow.pyfunc.load_model({uri})\nmodel.predict(data)\n{native}"


def mlflow_curl_snippet(uid: str, signature: Mapping[str, Any] | None) -> str:
    """Return commands that serve such a model with MLflow and ask it for a prediction of one row."""
    return f"mlflow models serve -m models:/{uid} --env-manager local -p 5001\n\n{_ask(signature)}"


def curl_snippet(uri: str, signature: Mapping[str, Any] | None, *, trust: bool) -> str:
    """Return commands that serve a model and ask it for a prediction of one row."""
    serve = f"autotrack models serve {shlex.quote(uri)} --port 5001{' --trust' if trust else ''}"
    return f"{serve}\n\n{_ask(signature)}"


def _ask(signature: Mapping[str, Any] | None) -> str:
    """Return a request for a prediction of one row."""
    columns = read_columns(signature).get("inputs", [])[:MAX_COLUMNS]
    if columns and all("name" in column and "tensor-spec" not in column for column in columns):
        row = [_EXAMPLES.get(str(column.get("type")), "") for column in columns]
        request: dict[str, Any] = {"dataframe_split": {"columns": [one["name"] for one in columns], "data": [row]}}
    else:
        request = {"inputs": [_example_row(columns)]}
    return (
        "curl http://127.0.0.1:5001/invocations -H 'content-type: application/json' \\\n"
        f"  -d {shlex.quote(json.dumps(request, ensure_ascii=False))}\n"
    )


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _example_row(columns: Sequence[dict[str, Any]]) -> list[float]:
    """Return a row of as many numbers as a tensor of rows and columns wants."""
    shape = columns[0].get("tensor-spec", {}).get("shape", []) if columns else []
    width = shape[1] if len(shape) == 2 and isinstance(shape[1], int) and 0 < shape[1] <= MAX_COLUMNS else 1
    return [0.5] * width
