"""The parts do what they say, and all of them together make a model that predicts."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from data import TARGET, check, features, ingest, split

ROOT = Path(__file__).parents[1]


def test_a_split_loses_and_repeats_nothing():
    frame = ingest()
    parts = split(frame)
    assert sorted(index for part in parts for index in part.index) == sorted(frame.index)
    shares = [part[TARGET].mean() for part in parts]
    assert max(shares) - min(shares) < 0.02


def test_the_target_is_no_feature():
    assert TARGET not in features(ingest())


@pytest.mark.parametrize("frame", [{"a": [1]}, {"a": [None], TARGET: [1]}, {"a": [1], TARGET: [2]}])
def test_broken_rows_are_refused(frame):
    with pytest.raises(ValueError, match="column|missing|other than"):
        check(pd.DataFrame(frame))


def test_training_registers_a_model_that_predicts(tmp_path):
    def run(*command):
        subprocess.run([sys.executable, ROOT / command[0], *command[1:]], cwd=tmp_path, check=True)

    run("train.py")
    run("predict.py", "data/test.csv", "predictions.csv")
    assert set(pd.read_csv(tmp_path / "predictions.csv")["prediction"]) == {0, 1}
