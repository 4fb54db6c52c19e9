"""Models of every flavor work in a fresh process without the training code, both ways between autotrack and MLflow.

Predictions are compared bit by bit. Three processes do it all: their imports take longer than everything else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

SAFE = ("sklearn", "forest", "xgboost", "booster", "lightgbm", "lightgbm booster", "catboost", "keras")
CODE = ("own", "pytorch", "custom")
FLAVORS = (*SAFE, *CODE)

WITH_AUTOTRACK = """
import json, sys
from pathlib import Path
import numpy as np, pandas as pd
from autotrack.errors import UntrustedModelError
from autotrack.models import load_predictor

for folder in sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_dir()):
    data = pd.read_pickle(folder / "data.pkl") if (folder / "data.pkl").exists() else np.load(folder / "data.npy")
    expected = np.load(folder / "expected.npy")
    for whose in ("ours", "theirs"):
        try:
            predictor, safe = load_predictor(folder / whose), True
        except UntrustedModelError:
            predictor, safe = load_predictor(folder / whose, trust=True), False
        found = np.asarray(predictor.predict(data))
        same = found.dtype == expected.dtype and found.tobytes() == expected.tobytes()
        print(json.dumps({"name": folder.name, "whose": whose, "same": same, "safe": safe,
                          "error": None if same else float(abs(found - expected).max())}))
assert "training_script" not in sys.modules
"""

WITH_MLFLOW = """
import json, sys
from pathlib import Path
import mlflow, numpy as np, pandas as pd
from fastapi.testclient import TestClient
from mlflow.pyfunc import scoring_server

def same(found, expected):
    found = np.asarray(found)
    return found.dtype == expected.dtype and found.tobytes() == expected.tobytes()

for folder in sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_dir()):
    data = pd.read_pickle(folder / "data.pkl") if (folder / "data.pkl").exists() else np.load(folder / "data.npy")
    expected = np.load(folder / "expected.npy")
    model = mlflow.pyfunc.load_model(str(folder / "ours"))
    body = (folder / "ours" / "serving_input_example.json").read_text()
    answer = TestClient(scoring_server.init(model)).post(
        "/invocations", content=body, headers={"Content-Type": "application/json"})
    served = np.asarray(answer.json()["predictions"]) if answer.status_code == 200 else answer.text
    print(json.dumps({
        "name": folder.name,
        "loads": same(model.predict(data), expected),
        "serves": answer.status_code == 200 and bool(np.allclose(served, expected[:5], rtol=1e-6)),
        "answer": answer.text[:300],
    }))
assert not any(name.partition(".")[0] == "autotrack" for name in sys.modules)
"""


def run(*arguments: str, cwd: Path) -> list[dict[str, Any]]:
    command, variables = [sys.executable, "-W", "ignore", *arguments], {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, cwd=cwd, env=variables, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("flavors")
    run(str(Path(__file__).with_name("training_script.py")), str(root), cwd=root)
    return root


@pytest.fixture(scope="module")
def ours(trained: Path) -> dict[tuple[str, str], dict[str, Any]]:
    found = run("-c", WITH_AUTOTRACK, str(trained), cwd=Path("/"))
    return {(result["name"], result["whose"]): result for result in found}


@pytest.fixture(scope="module")
def theirs(trained: Path) -> dict[str, dict[str, Any]]:
    return {result["name"]: result for result in run("-c", WITH_MLFLOW, str(trained), cwd=Path("/"))}


@pytest.mark.parametrize("whose", ["ours", "theirs"])
@pytest.mark.parametrize("name", FLAVORS)
def test_autotrack_loads_what_both_wrote(name: str, whose: str, ours: dict[tuple[str, str], dict[str, Any]]) -> None:
    result = ours[name, whose]
    assert result["same"], result
    # MLflow was told to write the forest as a pickle.
    assert result["safe"] == (name in SAFE and (name, whose) != ("forest", "theirs"))


@pytest.mark.parametrize("name", FLAVORS)
def test_mlflow_loads_and_serves_what_autotrack_wrote(name: str, theirs: dict[str, dict[str, Any]]) -> None:
    assert theirs[name]["loads"]
    assert theirs[name]["serves"], theirs[name]["answer"]
