"""What is read from scoring requests and written as answers, without a server."""

from __future__ import annotations

import io
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack.errors import SchemaError
from autotrack.models.schema import enforce_schema
from autotrack.serving.protocol import RequestError, read_payload, write_predictions

JSON = "application/json"
NAMED = [{"type": "double", "name": "a"}, {"type": "string", "name": "b"}]
TENSORS = [
    {"type": "tensor", "name": "x", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}},
    {"type": "tensor", "name": "y", "tensor-spec": {"dtype": "float64", "shape": [-1]}},
]


def read(content: Any, inputs: Any = None, kind: str = JSON) -> Any:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return read_payload(body, kind, inputs).data


def test_tables_in_all_forms() -> None:
    split = read({"dataframe_split": {"columns": ["a", "b"], "data": [[1.5, "x"], [2, "y"]], "index": [7, 9]}})
    assert split.to_dict() == {"a": {7: 1.5, 9: 2.0}, "b": {7: "x", 9: "y"}}
    records = [{"a": 1.5, "b": "x"}, {"a": 2, "b": "y"}]
    assert read({"dataframe_records": records}).to_dict("records") == records
    assert read({"instances": records}).to_dict("records") == records
    assert read({"inputs": {"a": [1], "b": ["x"]}}) == {"a": [1], "b": ["x"]}
    assert read(b"a,b\n1.5,x\n", kind="text/csv").to_dict("records") == [{"a": 1.5, "b": "x"}]
    buffer = io.BytesIO()
    pd.DataFrame(records).to_parquet(buffer)
    assert read(buffer.getvalue(), kind="application/vnd.apache.parquet").to_dict("records") == records


def test_arrays() -> None:
    assert read({"instances": [[1, 2], [3, 4]]}).tolist() == [[1, 2], [3, 4]]
    assert read({"inputs": [[1, 2], [3, 4]]}, TENSORS[:1]) == [[1, 2], [3, 4]]
    assert read({"instances": [{"x": [1, 2], "y": 3}, {"x": [4, 5], "y": 6}]}, TENSORS) == {
        "x": [[1, 2], [4, 5]],
        "y": [3, 6],
    }


def test_a_csv_keeps_texts_that_look_like_numbers() -> None:
    assert read(b"a,b\n1,007\n", NAMED, "text/csv; charset=UTF-8")["b"].tolist() == ["007"]


def test_the_numbers_that_pythons_json_writes_and_others_do_not() -> None:
    table = read({"dataframe_split": {"columns": ["a"], "data": [[math.nan], [math.inf]]}}, NAMED[:1])
    assert [str(value) for value in table["a"]] == ["nan", "inf"]


def assert_same_input(fast: Any, plain: Any, columns: Any) -> None:
    try:
        expected = enforce_schema(plain, columns)
    except SchemaError:
        with pytest.raises(SchemaError):
            enforce_schema(fast, columns)
    else:
        pd.testing.assert_frame_equal(enforce_schema(fast, columns), expected, check_exact=True)


@given(
    st.lists(st.tuples(st.floats(allow_nan=False) | st.integers(-(2**60), 2**60), st.integers(-9, 9)), min_size=1),
)
def test_the_fast_way_to_a_table_leads_to_the_same_input(rows: list[tuple[float, int]]) -> None:
    columns = [{"type": "double", "name": "a"}, {"type": "long", "name": "b"}]
    fast = read({"dataframe_split": {"columns": ["a", "b"], "data": rows}}, columns)
    assert_same_input(fast, pd.DataFrame(rows, columns=["a", "b"]), columns)


@pytest.mark.parametrize(
    ("body", "kind", "status", "message"),
    [
        (b"{", JSON, 400, "no JSON"),
        (b"\xff\xfe", JSON, 400, "no JSON"),
        (b"[" * 100_000, JSON, 400, "no JSON"),
        (b"[1]", JSON, 400, "must be a JSON object"),
        (b"{}", JSON, 400, "it has none at all"),
        (b'{"inputs": [], "instances": []}', JSON, 400, "exactly one of"),
        (b'{"data": [1]}', JSON, 400, "it has 'data'"),
        (b'{"inputs": [1], "params": [1]}', JSON, 400, "params must be"),
        (b'{"dataframe_split": [1]}', JSON, 400, "dataframe_split must be an object"),
        (b'{"dataframe_split": {"data": [[1]], "names": []}}', JSON, 400, "dataframe_split must be an object"),
        (b'{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}', JSON, 400, "is no table"),
        (b'{"dataframe_records": {"a": 1}}', JSON, 400, "list of objects"),
        (b'{"inputs": [[1], [2, 3]]}', JSON, 400, "different lengths"),
        (b"", "text/csv", 400, "no CSV"),
        (b"\xff", "text/csv", 400, "no CSV"),
        (b"PAR1", "application/vnd.apache.parquet", 400, "no Parquet"),
        (b"a\n1\n", "text/plain", 415, "not 'text/plain'"),
        (b"a\n1\n", "", 415, "this request has none"),
        (b"{}", "application/json; charset=latin-1", 415, "charset=latin-1"),
    ],
)
def test_what_cannot_be_read_is_told(body: bytes, kind: str, status: int, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        read(body, kind=kind)
    assert caught.value.status == status


def test_an_instance_without_one_of_the_arrays() -> None:
    with pytest.raises(RequestError, match="row 1 has no 'y'") as caught:
        read({"instances": [{"x": [1, 2], "y": 3}, {"x": [1, 2]}]}, TENSORS)
    assert caught.value.column == "y"


@pytest.mark.parametrize(
    ("predictions", "expected"),
    [
        (np.array([1, 2]), [1, 2]),
        (np.array([[0.1, np.nan], [np.inf, 1.0]]), [[0.1, None], [None, 1.0]]),
        (np.array([0.1], dtype="float32"), [float(np.float32(0.1))]),
        (np.array(["x", None], dtype=object), ["x", None]),
        (pd.DataFrame({"a": [1], "b": ["x"]}), [{"a": 1, "b": "x"}]),
        (pd.Series([1.5, 2.5], name="y"), [{"y": 1.5}, {"y": 2.5}]),
        ({"a": np.array([1]), "b": [np.float32(0.5)]}, {"a": [1], "b": [0.5]}),
        ([pd.Timestamp("2024-05-01"), pd.NaT, np.datetime64("2024-05-01")], None),
        ("text", "text"),
    ],
)
def test_answers_are_strict_json(predictions: Any, expected: Any) -> None:
    answer = json.loads(write_predictions(predictions), parse_constant=pytest.fail)["predictions"]
    assert expected is None or answer == expected


def test_an_answer_that_json_cannot_say() -> None:
    with pytest.raises(TypeError, match="no JSON form"):
        write_predictions([object()])
