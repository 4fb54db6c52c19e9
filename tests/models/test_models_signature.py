"""Signatures are those that MLflow infers, as far as names and dtypes tell."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from autotrack.errors import UnsupportedValueError
from autotrack.models.signature import infer_schema, infer_signature


def types_of(data: Any) -> dict[str, str]:
    return {column["name"]: column["type"] for column in infer_schema(data)}


def test_pandas_columns() -> None:
    frame = pd.DataFrame(
        {
            "integer": np.array([1, 2], "int8"),
            "long": pd.array([1, None], dtype="Int64"),
            "u32": np.array([1, 2], "uint32"),
            "u64": np.array([1, 2], "uint64"),
            "float": np.array([1, 2], "float16"),
            "double": [1.5, None],
            "boolean": pd.array([True, None], dtype="boolean"),
            "object": pd.Series([pd.NA, "a"], dtype=object),
            "arrays": pd.Series([np.zeros(2), None], dtype=object),
            "string": pd.array(["a", "b"], dtype="string"),
            "category": pd.Categorical(["a", "b"]),
            "numbers": pd.Categorical([1, 2]),
            "binary": [b"a", b"b"],
            "datetime": pd.to_datetime(["2020", "2021"], utc=True),
            "date": [dt.date(2020, 1, 1)] * 2,
            "mixed": pd.Series([1, "a"], dtype=object),
            "decimal": [Decimal(1)] * 2,
            "empty": pd.Series([None, None], dtype=object),
        }
    )
    assert types_of(frame) == {
        "integer": "integer",
        "long": "long",
        "u32": "long",
        "u64": "any",
        "float": "float",
        "double": "double",
        "boolean": "boolean",
        "object": "string",
        "arrays": "any",
        "string": "string",
        "category": "string",
        "numbers": "long",
        "binary": "binary",
        "datetime": "datetime",
        "date": "datetime",
        "mixed": "any",
        "decimal": "any",
        "empty": "any",
    }
    assert all(column["required"] for column in infer_schema(frame))


def test_column_names_that_are_no_text() -> None:
    frame = pd.DataFrame({0: [1.0], ("a", 1): [1.0]})
    assert [column["name"] for column in infer_schema(frame)] == [0, "('a', 1)"]
    assert infer_schema(pd.DataFrame(np.zeros((2, 2))))[1] == {"type": "double", "name": 1, "required": True}


def test_tables_of_other_libraries() -> None:
    columns = {"a": [1], "b": [1.5], "c": ["x"], "d": [True], "e": [dt.datetime(2020, 1, 1)], "f": [b"x"]}  # noqa: DTZ001
    expected = dict(zip("abcdef", ("long", "double", "string", "boolean", "datetime", "binary"), strict=True))
    assert types_of(pl.DataFrame(columns)) == types_of(pa.table(columns)) == expected
    encoded = pa.table({"words": pa.array(["a"]).dictionary_encode(), "numbers": pa.array([1.5]).dictionary_encode()})
    assert types_of(encoded) == {"words": "string", "numbers": "double"}
    assert types_of(pl.DataFrame({"c": ["a"], "l": [[1]]}, schema_overrides={"c": pl.Categorical})) == {
        "c": "string",
        "l": "any",
    }


@pytest.mark.parametrize(
    ("data", "dtype", "shape"),
    [
        (np.zeros((8, 3)), "float64", [-1, 3]),
        (np.zeros((2, 3, 4), bool), "bool", [-1, 3, 4]),
        (np.array(["abc"]), "str", [-1]),
        (np.array([b"abc"]), "bytes", [-1]),
        (np.array([1], ">f8"), "float64", [-1]),
        (np.array([1], "M8[ns]"), "datetime64[ns]", [-1]),
        (scipy.sparse.csr_matrix(np.eye(4, dtype="float32")), "float32", [-1, 4]),
        (scipy.sparse.coo_array(np.eye(4)), "float64", [-1, 4]),
        ([[1.0, 2], [3, 4]], "float64", [-1, 2]),
        ([[1, 2, 3]], "int64", [-1, 3]),
    ],
)
def test_arrays(data: Any, dtype: str, shape: list[int]) -> None:
    assert infer_schema(data) == [{"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}}]


def test_one_column() -> None:
    assert infer_schema(pd.Series([1, 2], name="target")) == [{"type": "long", "name": "target", "required": True}]
    assert infer_schema(["a", "b"]) == [{"type": "string", "required": True}]


def test_params_and_the_texts() -> None:
    signature = infer_signature(np.zeros((1, 2)), None, {"top": 3, "names": ["a"], "day": dt.date(2020, 1, 2)})
    assert signature["outputs"] is None
    assert json.loads(signature["params"]) == [
        {"name": "top", "default": 3, "shape": None, "type": "long"},
        {"name": "names", "default": ["a"], "shape": [-1], "type": "string"},
        {"name": "day", "default": "2020-01-02", "shape": None, "type": "datetime"},
    ]
    with pytest.raises(UnsupportedValueError, match="'mode'"):
        infer_signature([1.0], None, {"mode": None})


@pytest.mark.parametrize("data", [3.5, [], "text", np.float64(1), np.array(1.0), object()])
def test_what_has_no_signature_is_named(data: Any) -> None:
    with pytest.raises(UnsupportedValueError, match=type(data).__name__):
        infer_schema(data)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), unique=True, max_size=5))
def test_any_column_name_survives(names: list[str]) -> None:
    signature = infer_signature(pd.DataFrame(np.zeros((1, len(names))), columns=names))
    assert [column["name"] for column in json.loads(signature["inputs"])] == names


def test_no_library_is_imported() -> None:
    code = (
        "import sys; from autotrack.models.signature import infer_schema; infer_schema([[1.0]]);"
        "assert not {'numpy', 'pandas', 'polars', 'pyarrow', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
