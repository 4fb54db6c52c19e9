"""Rebuild a model's environment from what was recorded, and see that the model predicts the same in it.

A fresh virtual environment gets exactly the recorded versions, MLflow's loader among them, and predicts for the input
example that lies beside the model. The same is done here, and the results are compared bit by bit.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from autotrack.errors import ModelError
from autotrack.installers import variables_for
from autotrack.models.environment import PYTHON_ENV_FILE, REQUIREMENTS_FILE
from autotrack.models.predictor import load_predictor
from autotrack.models.stored import StoredModel

TIMEOUT = 1800.0
"""Seconds that any one step may take."""
_PREDICT = """
import sys, warnings
warnings.simplefilter("ignore")
import mlflow, numpy
model = mlflow.pyfunc.load_model(sys.argv[1])
found = numpy.asarray(model.predict(model.input_example))
numpy.save(sys.argv[2], found.astype(str) if found.dtype == object else found, allow_pickle=False)
"""
_LIST = """
import importlib.metadata
print(*sorted(f"{one.name}=={one.version}" for one in importlib.metadata.distributions()), sep="\\n")
"""


class Rebuilt(msgspec.Struct, frozen=True):
    """What became of a model in its rebuilt environment.

    Attributes:
        python: The version of Python there.
        packages: What was installed, as `name==version`.
        rows: How many predictions were compared.
        same: Whether all are equal, bit by bit.
        greatest_difference: Of numbers; None where they are no numbers, or of another shape.
    """

    python: str
    packages: tuple[str, ...]
    rows: int
    same: bool
    greatest_difference: float | None


def rebuild(
    model: StoredModel, directory: Path, *, trust: bool = False, tell: Callable[[str], object] = lambda _: None
) -> Rebuilt:
    """Make a model's environment, and predict in it for the input example.

    uv makes the environment where it is installed, with the recorded version of Python, too; otherwise `venv` and pip
    do, with this Python, whose version must then be the recorded one up to the patch.

    Args:
        model: The model.
        directory: Where the environment goes; it must not exist.
        trust: Whether code of the model may run.
        tell: Called with what is being done.

    Returns:
        What was installed, and how the predictions compare with those of this process.

    Raises:
        ModelError: The model has no input example or cannot predict, or the environment cannot be made; the message has
            the last lines of what the tool said.
    """
    example = read_example(model)
    if not model.generic:
        raise ModelError(f"{model.uri} has no flavor python_function: there is nothing to predict with")
    expected = np.asarray(load_predictor(model, trust=trust).predict(example))
    python = _make(model, directory, tell)
    tell("predicting for the input example in it")
    result = directory / "predictions.npy"
    _run([str(python), "-c", _PREDICT, str(model.path), str(result)], "the prediction failed in the environment")
    return _compare(expected, np.load(result, allow_pickle=False), python)


def read_example(model: StoredModel) -> Any:
    """Return the input example that lies beside a model.

    Raises:
        ModelError: There is none, or none of a kind that we know.
    """
    info = model.page.get("saved_input_example_info")
    if not info:
        raise ModelError(f"{model.uri} has no input example; log it with input_example=, or log_input_examples")
    kind = info.get("type")
    content: Any = json.loads(model.file(info["artifact_path"]).read_text(encoding="utf-8"))
    if kind == "dataframe":
        import pandas as pd

        return pd.DataFrame(content["data"], columns=content.get("columns"))
    if kind == "ndarray":
        return np.asarray(content)
    if kind == "sparse_matrix_csr":
        from scipy.sparse import csr_matrix

        return csr_matrix((content["data"], content["indices"], content["indptr"]), shape=content["shape"])
    if kind == "json_object":
        return content
    raise ModelError(f"{model.uri} has an input example of a kind that is not known: {kind!r}")


def _make(model: StoredModel, directory: Path, tell: Callable[[str], object]) -> Path:
    wanted = _recorded_python(model)
    requirements = str(model.file(REQUIREMENTS_FILE))
    python = directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    uv = shutil.which("uv")
    if uv:
        tell(f"making an environment with Python {wanted} (uv)")
        _run([uv, "venv", "--quiet", "--python", wanted, str(directory)], "uv cannot make the environment")
        install = [uv, "pip", "install", "--quiet", "--python", str(python), "-r", requirements]
    else:
        if wanted.split(".")[:2] != platform.python_version().split(".")[:2]:
            raise ModelError(
                f"{model.uri} was made with Python {wanted}, this is {platform.python_version()}; "
                "install uv, which fetches other versions of Python"
            )
        tell(f"making an environment with Python {platform.python_version()} (venv)")
        _run([sys.executable, "-m", "venv", str(directory)], "venv cannot make the environment")
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]
    tell("installing the recorded versions")
    _run(install, "the recorded versions cannot be installed")
    return python


def _recorded_python(model: StoredModel) -> str:
    for line in model.file(PYTHON_ENV_FILE).read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition(":")
        if name == "python":
            return version.strip().strip("\"'")
    raise ModelError(f"{model.uri}: {PYTHON_ENV_FILE} names no version of Python")


def _compare(expected: Any, found: Any, python: Path) -> Rebuilt:
    if expected.dtype == object:
        expected = expected.astype(str)
    numbers = expected.shape == found.shape and expected.dtype.kind in "biuf" and found.dtype.kind in "biuf"
    version = _run([str(python), "-c", "import platform; print(platform.python_version())"], "there is no Python")
    return Rebuilt(
        python=version.strip(),
        packages=_installed(python),
        rows=len(expected),
        same=expected.dtype == found.dtype and expected.shape == found.shape and expected.tobytes() == found.tobytes(),
        greatest_difference=float(np.abs(expected.astype(float) - found.astype(float)).max()) if numbers else None,
    )


def _installed(python: Path) -> tuple[str, ...]:
    return tuple(_run([str(python), "-c", _LIST], "the packages cannot be listed").splitlines())


def _run(command: Sequence[str], problem: str) -> str:
    """Run a program without what would lead it to this environment's packages; return what it printed."""
    done = subprocess.run(  # noqa: S603 - the interpreter, pip or uv
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
        env=variables_for(command[0]),
        cwd=Path(command[0]).parent,
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()[-8:]
        raise ModelError(f"{problem}:\n  " + "\n  ".join(lines))
    return done.stdout
