"""The same requests to our server and to MLflow's, both in this process: the same status, the same predictions.

Where we differ on purpose, the reason stands beside the request.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from starlette.testclient import TestClient

import autotrack.models
from autotrack.models import load_predictor
from autotrack.serving.app import Limits, Service
from autotrack.serving.scoring import Scorer
from autotrack.serving.telemetry import Telemetry

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow warns about its own type hints
    import mlflow.pyfunc
    from mlflow.pyfunc import scoring_server as mlflow_scoring

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning:mlflow", "ignore::FutureWarning:mlflow")

JSON = "application/json"
COLUMNS = ["age", "income", "visits"]
TABLE = pd.DataFrame({"age": [31.0, 64.5, 18.25], "income": [10.5, -3.0, 7.75], "visits": [3, 0, 12]}).astype(
    {"visits": "int64"}
)
ARRAY = np.array([[0.5, 1.5], [2.5, -1.0], [3.0, 4.0]])

Pair = tuple[TestClient, TestClient]


class Scaled:
    """A custom model with a parameter."""

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        return (model_input["age"] * (params or {}).get("factor", 1.0)).to_numpy()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Pair]:
    """Return what makes a client of each server for a model."""
    folder = tmp_path_factory.mktemp("models")

    def make(name: str, model: Any, trust: bool = False, **options: Any) -> Pair:
        autotrack.models.save(model, folder / name, **options)
        return clients(folder / name, trust)

    return make


def clients(path: Path, trust: bool = False) -> Pair:
    ours = Service(Scorer(load_predictor(path, trust=trust)), Telemetry(path.parent, {}), Limits())
    theirs = mlflow_scoring.init(mlflow.pyfunc.load_model(str(path)))
    return TestClient(ours, base_url="http://127.0.0.1"), TestClient(theirs)


@pytest.fixture(scope="module")
def table_model(pair: Callable[..., Pair]) -> Pair:
    labels = [0, 1, 1]
    return pair("table", LogisticRegression().fit(TABLE, labels), inputs=TABLE, outputs=np.array(labels))


@pytest.fixture(scope="module")
def array_model(pair: Callable[..., Pair]) -> Pair:
    return pair("array", LinearRegression().fit(ARRAY, [1.0, 2.0, 3.0]), inputs=ARRAY)


@pytest.fixture(scope="module")
def custom_model(pair: Callable[..., Pair]) -> Pair:
    return pair("custom", Scaled(), trust=True, inputs=TABLE, outputs=np.zeros(1), params={"factor": 2.0})


SPLIT = TABLE.to_dict(orient="split")
RECORDS = TABLE.to_dict(orient="records")
LISTS = {name: TABLE[name].tolist() for name in COLUMNS}

TABLE_REQUESTS: dict[str, Any] = {
    "split": {"dataframe_split": SPLIT},
    "split without index": {"dataframe_split": {"columns": COLUMNS, "data": SPLIT["data"]}},
    "split in another order": {"dataframe_split": TABLE[COLUMNS[::-1]].to_dict(orient="split")},
    "split with another column": {"dataframe_split": TABLE.assign(more="x").to_dict(orient="split")},
    "records": {"dataframe_records": RECORDS},
    "instances of records": {"instances": RECORDS},
    "inputs of columns": {"inputs": LISTS},
    "integers for doubles": {"dataframe_records": [{"age": 31, "income": 10, "visits": 3}]},
    "parameters that it does not have": {"dataframe_split": SPLIT, "params": {"temperature": 0.5}},
    "no parameters": {"dataframe_split": SPLIT, "params": None},
    "a column is missing": {"dataframe_split": TABLE[["age", "income"]].to_dict(orient="split")},
    "a text for a number": {"dataframe_records": [{"age": "old", "income": 1.0, "visits": 1}]},
    "nothing for an integer": {"dataframe_records": [{"age": 1.0, "income": 1.0, "visits": None}]},
    "NaN, which the model refuses": {"dataframe_records": [{"age": float("nan"), "income": 1.0, "visits": 1}]},
    "two fields": {"dataframe_split": SPLIT, "inputs": LISTS},
    "no field": {},
    "an old field": {"columns": COLUMNS, "data": SPLIT["data"]},
    "a list": RECORDS,
    "split of a list": {"dataframe_split": RECORDS},
    "split with an unknown part": {"dataframe_split": {**SPLIT, "names": []}},
    "split without data": {"dataframe_split": {"columns": COLUMNS}},
    "split with rows that are too short": {"dataframe_split": {"columns": COLUMNS, "data": [[1.0]]}},
    "records of columns": {"dataframe_records": LISTS},
    "columns of different lengths": {"inputs": {"age": [1.0, 2.0], "income": [1.0], "visits": [1]}},
}
ARRAY_REQUESTS: dict[str, Any] = {
    "instances": {"instances": ARRAY.tolist()},
    "inputs": {"inputs": ARRAY.tolist()},
    "integers": {"inputs": [[1, 2]]},
    "split": {"dataframe_split": {"data": ARRAY.tolist()}},
    "too narrow": {"inputs": [[1.0]]},
    "flat": {"inputs": [1.0, 2.0]},
    "of different lengths": {"inputs": [[1.0, 2.0], [3.0]]},
    "texts": {"inputs": [["a", "b"]]},
}
CUSTOM_REQUESTS: dict[str, Any] = {
    "default": {"dataframe_split": SPLIT},
    "given": {"dataframe_split": SPLIT, "params": {"factor": 3.5}},
    "an integer for a double": {"dataframe_split": SPLIT, "params": {"factor": 3}},
    "a text for a double": {"dataframe_split": SPLIT, "params": {"factor": "three"}},
}
BODIES: dict[str, tuple[bytes, str]] = {
    "csv": (TABLE.to_csv(index=False).encode(), "text/csv"),
    "csv with a charset": (TABLE.to_csv(index=False).encode(), "text/csv; charset=utf-8"),
    "parquet": (TABLE.to_parquet(), "application/vnd.apache.parquet"),
    "no parquet": (b"PAR1", "application/vnd.apache.parquet"),
    "an empty csv": (b"", "text/csv"),
    "another charset": (b"{}", "application/json; charset=latin-1"),
    "another parameter": (b"{}", "application/json; version=1"),
    "another type": (b"{}", "text/plain"),
    "no JSON": (b"{", JSON),
    "no UTF-8": (b"\xff\xfe{}", JSON),
    "an empty body": (b"", JSON),
}


def compare(pair: Pair, body: bytes, kind: str = JSON) -> None:
    ours, theirs = (client.post("/invocations", content=body, headers={"content-type": kind}) for client in pair)
    assert ours.status_code // 100 == theirs.status_code // 100, (ours.text, theirs.text)
    if ours.status_code == 200:
        assert ours.headers["content-type"] == theirs.headers["content-type"]
        assert ours.json() == theirs.json()
    else:
        assert ours.status_code == theirs.status_code
        assert ours.json()["message"]


@pytest.mark.parametrize("name", TABLE_REQUESTS)
def test_requests_to_a_model_of_columns(name: str, table_model: Pair) -> None:
    compare(table_model, json.dumps(TABLE_REQUESTS[name]).encode())


@pytest.mark.parametrize("name", ARRAY_REQUESTS)
def test_requests_to_a_model_of_arrays(name: str, array_model: Pair) -> None:
    compare(array_model, json.dumps(ARRAY_REQUESTS[name]).encode())


@pytest.mark.parametrize("name", CUSTOM_REQUESTS)
def test_requests_to_a_custom_model_with_parameters(name: str, custom_model: Pair) -> None:
    compare(custom_model, json.dumps(CUSTOM_REQUESTS[name]).encode())


@pytest.mark.parametrize("name", BODIES)
def test_bodies_of_other_kinds(name: str, table_model: Pair) -> None:
    compare(table_model, *BODIES[name])


@pytest.mark.parametrize("path", ["/ping", "/health"])
def test_health_is_told_alike(path: str, table_model: Pair) -> None:
    ours, theirs = (client.get(path) for client in table_model)
    assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content) == (200, b"\n")
    assert ours.headers["content-type"] == theirs.headers["content-type"]


DIFFERENT = {
    "a text with a number is no number": ({"dataframe_records": [{"age": "31", "income": 1.0, "visits": 1}]}, 400, 200),
    "a fraction is not cut off": ({"dataframe_records": [{"age": 1.0, "income": 1.0, "visits": 1.5}]}, 400, 200),
    "parameters are named": ({"dataframe_split": SPLIT, "params": [1]}, 400, 200),
    "rows without names count by position": ({"inputs": SPLIT["data"]}, 200, 400),
}
"""What we do otherwise: no value is changed in silence, and what is clear is taken."""


@pytest.mark.parametrize("name", DIFFERENT)
def test_where_we_differ(name: str, table_model: Pair) -> None:
    body, ours, theirs = DIFFERENT[name]
    statuses = [client.post("/invocations", json=body).status_code for client in table_model]
    assert statuses == [ours, theirs]


@pytest.fixture(scope="module")
def their_model(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    path = tmp_path_factory.mktemp("theirs") / "model"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the integer column, and of the format
        signature = mlflow.models.infer_signature(TABLE, np.zeros(1))
        mlflow.sklearn.save_model(LinearRegression().fit(TABLE, [1.0, 2.0, 3.0]), path, signature=signature)
        return clients(path, trust=True)


@pytest.mark.parametrize("name", TABLE_REQUESTS)
def test_requests_to_a_model_that_mlflow_saved(name: str, their_model: Pair) -> None:
    compare(their_model, json.dumps(TABLE_REQUESTS[name]).encode())


@pytest.fixture(autouse=True)
def not_in_a_serving_environment() -> Iterator[None]:
    """MLflow's server marks the process."""
    yield
    os.environ.pop("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", None)
