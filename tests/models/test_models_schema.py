"""What a model is fed is checked against its signature: nothing is lost on the way, and errors name the column."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from autotrack.errors import SchemaError
from autotrack.models.schema import enforce_schema
from autotrack.models.signature import infer_signature

TABLE = pd.DataFrame({"age": [31, 64], "income": [1.5, 2.5], "plan": ["basic", "pro"], "active": [True, False]})


def schema_of(data: Any) -> list[dict[str, Any]]:
    return json.loads(infer_signature(data)["inputs"])


SCHEMA = schema_of(TABLE)


@pytest.mark.parametrize(
    "data",
    [
        TABLE,
        TABLE[["active", "plan", "income", "age"]].assign(id=1),
        pl.DataFrame(TABLE.to_dict("list")),
        pa.table(TABLE.to_dict("list")),
        TABLE.to_dict("list"),
        TABLE.to_dict("records"),
        TABLE.to_numpy().tolist(),
        TABLE.to_numpy(),
    ],
    ids=["pandas", "other order and more", "polars", "arrow", "columns", "records", "rows", "objects"],
)
def test_every_form_of_a_table_becomes_the_same(data: Any) -> None:
    found = enforce_schema(data, SCHEMA)
    assert list(found.columns) == list(TABLE.columns)
    assert found.to_dict("list") == TABLE.to_dict("list")
    assert [dtype.kind for dtype in found.dtypes[:2]] == ["i", "f"]


def test_one_record_is_one_row() -> None:
    assert len(enforce_schema({"age": 1, "income": 2.0, "plan": "x", "active": True}, SCHEMA)) == 1


def test_the_users_table_stays_as_it_is() -> None:
    data = TABLE.astype({"age": "int32"})
    before = data.copy(deep=True)
    found = enforce_schema(data, SCHEMA)
    found.loc[0, "age"] = 5
    found.loc[0, "plan"] = "other"
    pd.testing.assert_frame_equal(data, before)


@pytest.mark.parametrize(
    ("change", "column", "message"),
    [
        (lambda t: t.drop(columns="income"), "income", "column 'income' (double) is missing"),
        (lambda t: t.rename(columns={"income": "incom"}), "income", "did you mean 'incom'?"),
        (lambda t: t.assign(age=["x", "y"]), "age", "column 'age' is long, not string values such as 'x', 'y'"),
        (lambda t: t.assign(age=[1.5, 2.0]), "age", "column 'age' is long, which cannot hold 1.5"),
        (lambda t: t.assign(age=[1.0, None]), "age", "column 'age' is long, which has no missing values; 1 are"),
        (lambda t: t.assign(age=np.array([1, 2**63], "uint64")), "age", "which cannot hold 9223372036854775808"),
        (lambda t: t.assign(plan=[1, 2]), "plan", "column 'plan' is string, not long values such as 1, 2"),
        (lambda t: t.assign(active=[0, 1]), "active", "column 'active' is boolean, not long values such as 0, 1"),
        (lambda t: pd.concat([t, t[["age"]]], axis=1), "age", "stands in the input more than once"),
        (lambda t: t.to_numpy()[:, :3], None, "the input has 3 columns without names, the model wants 4: age, income"),
        (lambda t: {"age": [1, 2], "income": [1.0]}, None, "different lengths: 'age' has 2, 'income' has 1"),
        (lambda t: 3, None, "the model takes a table, not builtins.int"),
    ],
)
def test_errors_name_the_column(change: Any, column: str | None, message: str) -> None:
    with pytest.raises(SchemaError) as raised:
        enforce_schema(change(TABLE), SCHEMA)
    assert message in str(raised.value)
    assert raised.value.column == column


def test_a_column_that_is_not_required_may_be_missing() -> None:
    schema = [{**entry, "required": entry["name"] != "plan"} for entry in SCHEMA]
    assert list(enforce_schema(TABLE.drop(columns="plan"), schema).columns) == ["age", "income", "active"]


def test_texts_become_what_json_has_no_word_for() -> None:
    schema = [{"type": "datetime", "name": "day"}, {"type": "binary", "name": "seal"}]
    sent = {"day": ["2026-11-20", "2026-11-21T08:00:00"], "seal": [base64.b64encode(b"\x00\xff").decode(), None]}
    found = enforce_schema(sent, schema)
    assert found["day"].tolist() == [dt.datetime(2026, 11, 20), dt.datetime(2026, 11, 21, 8)]  # noqa: DTZ001
    assert found["seal"].tolist()[0] == b"\x00\xff"
    with pytest.raises(SchemaError, match="column 'day' is datetime; a text must be an ISO 8601 date"):
        enforce_schema({"day": ["tomorrow"], "seal": [""]}, schema)
    with pytest.raises(SchemaError, match="column 'seal' is binary; a text must be base64"):
        enforce_schema({"day": ["2026-11-20"], "seal": ["x"]}, schema)


def cast(data: Any, entry: dict[str, Any]) -> np.ndarray | SchemaError:
    """Return the one column or array, or the error."""
    try:
        return np.asarray(enforce_schema(data, [entry])).ravel()
    except SchemaError as error:
        return error


@given(st.lists(st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False)), min_size=1, max_size=5))
def test_numbers_change_their_type_only_where_they_stay_equal(values: list[Any]) -> None:
    for wanted in ("integer", "long", "double"):
        found = cast(pd.DataFrame({"x": pd.Series(values, dtype=object)}), {"type": wanted, "name": "x"})
        if isinstance(found, SchemaError):
            assert found.column == "x"
        else:
            assert found.tolist() == values


@given(st.lists(st.floats(width=64, allow_infinity=False, allow_nan=False), min_size=1, max_size=4))
def test_floats_are_rounded_to_float32_but_never_to_infinity(values: list[float]) -> None:
    for data, schema in (
        (pd.DataFrame({"x": values}), [{"type": "float", "name": "x"}]),
        (np.array([values]), [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, len(values)]}}]),
    ):
        found = cast(data, schema[0])
        if isinstance(found, SchemaError):
            assert max(map(abs, values)) > float(np.finfo("float32").max)
        else:
            assert found.dtype == "float32"
            assert np.isfinite(found).all()


IMAGES = [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2, 2]}}]


def test_arrays() -> None:
    found = enforce_schema([[[1, 2], [3, 4]]], IMAGES)
    assert (found.dtype, found.shape) == (np.dtype("float32"), (1, 2, 2))
    array = np.zeros((3, 2, 2), "float32")
    assert enforce_schema(array, IMAGES) is array
    sparse = csr_matrix(np.eye(3))
    assert enforce_schema(sparse, schema_of(sparse)) is sparse
    flat = schema_of(np.zeros((2, 2)))
    assert enforce_schema(TABLE[["age", "income"]], flat).shape == (2, 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((3, 2)), "the input has shape (3, 2), the model takes (any, 2, 2)"),
        (np.zeros((3, 2, 5)), "the input has 5 values along axis 2, the model takes 2 (shape (any, 2, 2))"),
        ([[[1, 2], [3]]], "the input has rows of different lengths"),
        (np.array([[["a", "b"], ["c", "d"]]]), "the input is an array of float32, not of str"),
        (np.full((1, 2, 2), 1e300), "which cannot hold 1e+300"),
    ],
)
def test_arrays_that_do_not_fit(data: Any, message: str) -> None:
    with pytest.raises(SchemaError) as raised:
        enforce_schema(data, IMAGES)
    assert message in str(raised.value)


def test_several_arrays_go_by_name() -> None:
    schema = [{"name": name, **IMAGES[0]} for name in ("left", "right")]
    image = np.zeros((1, 2, 2))
    assert set(enforce_schema({"left": image, "right": image}, schema)) == {"left", "right"}
    with pytest.raises(SchemaError, match="array 'right' is missing") as raised:
        enforce_schema({"left": image}, schema)
    assert raised.value.column == "right"
    with pytest.raises(SchemaError, match="array 'left' has shape"):
        enforce_schema({"left": image[0], "right": image}, schema)
    with pytest.raises(SchemaError, match="takes a dict of arrays: 'left', 'right'"):
        enforce_schema(image, schema)


def test_documents_are_one_column_without_a_name() -> None:
    schema = schema_of(["some words", "more"])
    assert enforce_schema(["x", "y"], schema) == ["x", "y"]
    assert enforce_schema(pd.DataFrame({"text": ["x"]}), schema).tolist() == ["x"]
    with pytest.raises(SchemaError, match="the input is string, not long values such as 1"):
        enforce_schema([1], schema)


def test_without_a_signature_tables_become_pandas_and_the_rest_stays() -> None:
    rows = np.eye(2)
    assert enforce_schema(rows, None) is rows
    assert enforce_schema(TABLE, None) is TABLE
    assert isinstance(enforce_schema(TABLE.to_dict("records"), None), pd.DataFrame)
    assert isinstance(enforce_schema(pl.DataFrame({"a": [1]}), None), pd.DataFrame)
