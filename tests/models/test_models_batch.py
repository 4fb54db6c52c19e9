"""Predictions for files: in pieces, in order, complete or not at all; and the commands that use models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from autotrack.cli.app import commands
from autotrack.errors import SchemaError, UnsupportedValueError
from autotrack.models import load_predictor, predict_file, save

TABLE = pd.DataFrame({"zip": ["01067", "10115", "80331"] * 100, "size": np.linspace(0, 1, 300)})
TARGET = TABLE["zip"] == "10115"


@pytest.fixture
def model(tmp_path: Path) -> Any:
    encode = ColumnTransformer([("zip", OneHotEncoder(), ["zip"])], remainder="passthrough")
    fitted = make_pipeline(encode, LogisticRegression()).fit(TABLE, TARGET)
    save(fitted, tmp_path / "model", inputs=TABLE, outputs=fitted.predict(TABLE))
    return fitted


@pytest.mark.parametrize("source", ["in.parquet", "in.csv"])
@pytest.mark.parametrize("output", ["out.parquet", "out.csv"])
def test_files_of_both_types(source: str, output: str, model: Any) -> None:
    TABLE.to_parquet("in.parquet")
    TABLE.to_csv("in.csv", index=False)
    done = list(predict_file(load_predictor("model"), source, output, chunk_rows=70, keep_input=True))
    assert done == [70, 140, 210, 280, 300]
    dtype = {"zip": "str"}
    found = pd.read_parquet(output) if output.endswith("parquet") else pd.read_csv(output, dtype=dtype)
    assert list(found.columns) == ["zip", "size", "prediction"]
    assert (found["prediction"] == model.predict(TABLE)).all()
    assert found["zip"].tolist() == TABLE["zip"].tolist()  # with their zeros


def test_an_error_names_rows_and_column_and_leaves_no_output(model: Any) -> None:
    TABLE.assign(size=[*TABLE["size"][:-1], "tall"]).to_csv("in.csv", index=False)
    Path("out.csv").write_text("older")
    with pytest.raises(SchemaError, match=r"in\.csv, rows 281 to 300: column 'size' is double") as raised:
        list(predict_file(load_predictor("model"), "in.csv", "out.csv", chunk_rows=140))
    assert raised.value.column == "size"
    assert Path("out.csv").read_text() == "older"
    assert not list(Path().glob(".out*"))


def test_several_outputs_and_no_rows() -> None:
    numbers = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0]})
    save(LinearRegression().fit(numbers, numbers), "model", inputs=numbers)
    numbers.to_parquet("in.parquet")
    numbers.iloc[:0].to_parquet("empty.parquet")
    predictor = load_predictor("model")
    list(predict_file(predictor, "in.parquet", "out.parquet"))
    assert pq.read_schema("out.parquet").names == ["prediction_0", "prediction_1"]
    assert list(predict_file(predictor, "empty.parquet", "none.parquet")) == []
    assert pq.read_table("none.parquet").num_rows == 0
    with pytest.raises(UnsupportedValueError, match=r"ends in \.parquet or \.csv"):
        list(predict_file(predictor, "in.parquet", "out.json"))


def call(*arguments: str) -> Result:
    return CliRunner().invoke(commands, ["models", *arguments], prog_name="autotrack", catch_exceptions=True)


def test_the_command_predict(model: Any) -> None:
    TABLE.to_parquet("in.parquet")
    done = call("predict", "model", "--input", "in.parquet", "--output", "out.csv", "--chunk", "100")
    assert done.exit_code == 0, done.output
    assert "300 predictions written to out.csv" in done.stderr
    assert (pd.read_csv("out.csv")["prediction"] == model.predict(TABLE)).all()
    as_json = call("predict", "model", "-i", "in.parquet", "-o", "out.csv", "--json")
    assert json.loads(as_json.stdout) == {"model": "model", "output": "out.csv", "rows": 300}


def test_the_command_predict_needs_trust_for_a_pickle() -> None:
    fitted = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    fitted.note_ = lambda: None  # what only cloudpickle writes
    save(fitted, "model", inputs=np.zeros((2, 1)))
    pd.DataFrame({"x": [1.0]}).to_parquet("in.parquet")
    refused = call("predict", "model", "-i", "in.parquet", "-o", "out.csv")
    assert refused.exit_code == 1
    assert "load it with trust=True (--trust)" in refused.stderr
    assert call("predict", "model", "-i", "in.parquet", "-o", "out.csv", "--trust").exit_code == 0
