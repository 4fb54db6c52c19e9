"""The small files of a model folder, each for itself: MLmodel, requirements, environment, example."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from autotrack.errors import UnsupportedValueError
from autotrack.models.environment import write_environment
from autotrack.models.example import save_input_example, take_example
from autotrack.models.mlmodel import MLmodel, to_yaml, write_mlmodel
from autotrack.models.requirements import find_distributions, installed_version, resolve_requirements

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers() | TEXTS
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
TREES = st.dictionaries(
    KEYS, st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=8)
)


@settings(max_examples=50)
@given(TREES)
def test_yaml_reads_back(tree: dict[str, Any]) -> None:
    assert yaml.safe_load(to_yaml(tree)) == (tree or None)


def test_mlmodel_keys(tmp_path: Path) -> None:
    page = MLmodel(artifact_path="m", flavors={"x": {"a": None}}, model_id="ab", model_size_bytes=3, time=1_500_000_000)
    write_mlmodel(tmp_path, page)
    assert yaml.safe_load((tmp_path / "MLmodel").read_text()) == {
        "artifact_path": "m",
        "flavors": {"x": {"a": None}},
        "mlflow_version": "3.0.0",
        "model_id": "ab",
        "model_size_bytes": 3,
        "model_uuid": "ab",
        "utc_time_created": "1970-01-01 00:00:01.500000",
    }


def test_requirements_of_modules() -> None:
    found = resolve_requirements(["sklearn.svm._classes", "collections", "numpy.random"], ["scikit-learn", "no-such"])
    assert found.pinned == (
        "no-such",
        f"numpy=={installed_version('numpy')}",
        f"scikit-learn=={installed_version('scikit-learn')}",
    )
    assert found.unpackaged == ()


def test_a_module_of_no_distribution_is_reported() -> None:
    assert resolve_requirements(["features.text", "numpy"]).unpackaged == ("features.text",)


def test_the_distribution_that_has_the_file_owns_a_shared_name() -> None:
    assert find_distributions("opentelemetry.sdk.trace") == ("opentelemetry-sdk",)


def test_environment_files(tmp_path: Path) -> None:
    write_environment(tmp_path, ["mlflow==3.0", "numpy==2.0"])
    assert (tmp_path / "requirements.txt").read_text() == "mlflow==3.0\nnumpy==2.0\n"
    conda = yaml.safe_load((tmp_path / "conda.yaml").read_text())
    assert conda["dependencies"][2] == {"pip": ["mlflow==3.0", "numpy==2.0"]}
    assert conda["dependencies"][1].startswith("pip<=")
    python = yaml.safe_load((tmp_path / "python_env.yaml").read_text())
    assert python["dependencies"] == ["-r requirements.txt"]
    assert python["build_dependencies"][1] == f"setuptools=={installed_version('setuptools')}"


COLUMNS: dict[str, list[Any]] = {"a": [1, 2, 3], "b": [1.5, float("nan"), 2.0], "c": ["x", "y", "z"]}


@pytest.mark.parametrize("table", [pd.DataFrame(COLUMNS), pl.DataFrame(COLUMNS), pa.table(COLUMNS)])
def test_example_of_a_table(table: Any, tmp_path: Path) -> None:
    example = save_input_example(tmp_path, table, rows=2)
    content = {"columns": ["a", "b", "c"], "data": [[1, 1.5, "x"], [2, None, "y"]]}
    assert json.loads((tmp_path / "input_example.json").read_text()) == content
    assert json.loads((tmp_path / "serving_input_example.json").read_text()) == {"dataframe_split": content}
    assert example.info["type"] == "dataframe"


def test_example_of_arrays() -> None:
    assert json.loads(take_example(np.arange(6.0).reshape(3, 2), rows=1).request) == {"inputs": [[0.0, 1.0]]}
    sparse = json.loads(take_example(scipy.sparse.coo_array(np.eye(3)), rows=2).content)
    assert sparse == {"data": [1.0, 1.0], "indices": [0, 1], "indptr": [0, 1, 2], "shape": [2, 3]}
    assert json.loads(take_example(["a", "b"], rows=1).content) == ["a"]


def test_example_of_values_json_has_no_word_for() -> None:
    moments = pd.to_datetime(["2020-01-02", None])
    frame = pd.DataFrame({"t": moments, "n": pd.array([1, None], dtype="Int64"), "b": [b"\xff", b""]})
    assert json.loads(take_example(frame).content)["data"] == [["2020-01-02T00:00:00", 1, "/w==\n"], [None, None, ""]]
    assert json.loads(take_example([dt.date(2020, 1, 2)]).content) == ["2020-01-02"]
    with pytest.raises(UnsupportedValueError, match="object has no JSON form"):
        take_example(np.array([object()]))
    with pytest.raises(UnsupportedValueError, match=r"no example can be taken from builtins\.int"):
        take_example(3)


def test_an_example_does_not_follow_the_data() -> None:
    rows = np.zeros((2, 2))
    example = take_example(rows)
    rows[:] = 9
    assert json.loads(example.content) == [[0.0, 0.0], [0.0, 0.0]]
