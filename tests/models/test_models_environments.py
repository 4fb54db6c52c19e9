"""A model's environment is made anew from the recorded versions, and predicts the same bits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.linear_model import LogisticRegression
from xgboost import XGBRegressor

from autotrack.cli.app import commands
from autotrack.errors import ModelError
from autotrack.models import open_model, save
from autotrack.models.environments import read_example, rebuild

TABLE = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 2)), columns=["a", "b"])
MODEL = XGBRegressor(n_estimators=2, n_jobs=1).fit(TABLE, TABLE["a"])


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_recorded_versions_predict_the_same(tmp_path: Path) -> None:
    save(LogisticRegression().fit(TABLE, TABLE["a"] > 0), tmp_path / "model", input_example=TABLE)
    arguments = ["models", "env", str(tmp_path / "model"), "--directory", str(tmp_path / "env"), "--json"]
    done = CliRunner().invoke(commands, arguments, prog_name="autotrack")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["same"], found["rows"], found["greatest_difference"]) == (True, 5, 0.0)
    requirements = (tmp_path / "model" / "requirements.txt").read_text().split()
    assert set(requirements) <= set(found["packages"])
    assert not any(package.startswith("autotrack") for package in found["packages"])


def test_what_cannot_be_rebuilt(tmp_path: Path) -> None:
    save(MODEL, tmp_path / "bare", inputs=TABLE)
    with pytest.raises(ModelError, match="no input example"):
        rebuild(open_model(tmp_path / "bare"), tmp_path / "env")
    assert not (tmp_path / "env").exists()


def test_versions_that_do_not_exist_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")  # without uv
    folder = save(MODEL, tmp_path / "model", input_example=TABLE).path
    page = (folder / "MLmodel").read_text().split('"metadata":')[0]  # a model without hashes, as MLflow writes it
    (folder / "MLmodel").write_text(page)
    (folder / "python_env.yaml").write_text("python: 2.7.18\n")
    with pytest.raises(ModelError, match=r"made with Python 2\.7\.18.*install uv"):
        rebuild(open_model(folder), tmp_path / "env")


@pytest.mark.parametrize(
    ("data", "kind"), [(TABLE, pd.DataFrame), (TABLE.to_numpy(), np.ndarray), ([[1.0, 2.0], [3.0, 4.0]], list)]
)
def test_examples_are_read_back(data: object, kind: type, tmp_path: Path) -> None:
    save(MODEL, tmp_path / "model", input_example=data)
    found = read_example(open_model(tmp_path / "model"))
    assert isinstance(found, kind)
    assert np.array_equal(np.asarray(found), np.asarray(data)[:5])
