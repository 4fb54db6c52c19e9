"""The oldest and the newest supported versions of each framework, in environments of their own: `make compat`.

`nox --list` shows the sessions; each runs the tests of one integration and leaves its outcome in build/compat/.
`python tests/compat/version_table.py` makes the table in docs/compatibility.md from what lies there.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import nox

RESULTS = Path("build/compat")
TOOLS = ("pytest>=8.0,<10", "pytest-timeout", "pytest-xdist", "hypothesis", "ipython", "pandas", "polars", "pyyaml")
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
AGES = ("oldest", "newest")

nox.options.sessions = ["versions"]
nox.options.reuse_existing_virtualenvs = True


class Framework(NamedTuple):
    """What is installed, and what is run.

    Attributes:
        extras: Extras of ours; the first requirement of each is the framework, and its lower bound the oldest version.
        tests: Names of its tests.
        oldest: What the oldest version needs beside it, where its own metadata promise too much.
        newest: What the newest needs beside it.
        slow: Whether its tests are slow ones; of the others only the short ones are run.
    """

    extras: tuple[str, ...]
    tests: tuple[str, ...]
    oldest: tuple[str, ...] = ()
    newest: tuple[str, ...] = ()
    slow: bool = False


OLD_NUMPY = ("numpy<2", "pandas<2.3", "scipy<1.14")
OLD_TORCH = (*OLD_NUMPY, "torch==2.3.0", "setuptools<80")
TORCH = ("torch==2.13.0",)
"""The newest that the project is developed with; see the extra `dev`."""
FRAMEWORKS = {
    "scikit-learn": Framework(("sklearn",), ("sklearn_*",), OLD_NUMPY),
    "xgboost": Framework(("xgboost", "sklearn"), ("xgboost",), OLD_NUMPY),
    "lightgbm": Framework(("lightgbm", "sklearn"), ("lightgbm",), OLD_NUMPY),
    "catboost": Framework(("catboost", "sklearn"), ("catboost",), OLD_NUMPY),
    "statsmodels": Framework(("statsmodels", "sklearn"), ("statsmodels",), OLD_NUMPY),
    "optuna": Framework(("optuna", "sklearn"), ("optuna",), OLD_NUMPY),
    "pyspark": Framework(("pyspark", "sklearn"), ("pyspark",), OLD_NUMPY, slow=True),
    "ray": Framework(("ray", "sklearn"), ("ray",), (*OLD_NUMPY, "pyarrow<22")),
    "keras": Framework(("keras", "tensorflow", "sklearn"), ("keras", "keras_contract"), OLD_NUMPY),
    "torch": Framework(("torch", "sklearn"), ("torch_*",), OLD_TORCH, TORCH),
    "lightning": Framework(("lightning", "sklearn"), ("lightning", "lightning_contract"), OLD_TORCH, TORCH),
    "transformers": Framework(("transformers", "accelerate"), ("transformers_trainer",), OLD_TORCH, TORCH, slow=True),
}


@nox.session(python="3.11")
@nox.parametrize("age", AGES)
@nox.parametrize("framework", list(FRAMEWORKS))
def versions(session: nox.Session, framework: str, age: str) -> None:
    """Run the tests of one integration with one version of its framework."""
    known = FRAMEWORKS[framework]
    pinned = (*_oldest(known), *known.oldest) if age == "oldest" else known.newest
    session.install("-e", f".[{','.join(known.extras)}]", *TOOLS, *pinned)
    _run(session, f"{framework}-{age}", framework, _tests(*known.tests), slow=known.slow)


@nox.session(python=PYTHONS)
def pythons(session: nox.Session) -> None:
    """Run the tests of the core, the store and scikit-learn with one version of Python."""
    session.install("-e", ".[sklearn,models]", "uv", *TOOLS)
    _run(session, f"python-{session.python}", "scikit-learn", ["tests/core", "tests/store", *_tests("sklearn_*")])


def _tests(*names: str) -> list[str]:
    return [str(path) for name in names for path in sorted(Path("tests/integrations").glob(f"test_{name}.py"))]


def _oldest(framework: Framework) -> list[str]:
    """Return the framework itself, pinned to the lower bound that pyproject.toml gives it."""
    tables = nox.project.load_toml("pyproject.toml")["project"]["optional-dependencies"]
    return [re.sub(r">=([\w.]+).*", r"==\1.*", tables[extra][0]) for extra in framework.extras]


def _run(session: nox.Session, name: str, distribution: str, tests: list[str], *, slow: bool = False) -> None:
    """Run tests, whose outcome is for the table to tell; only tests that could not run fail the session."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    show = "import sys, platform, importlib.metadata as m; print(platform.python_version(), m.version(sys.argv[1]))"
    python, version = str(session.run("python", "-c", show, distribution, silent=True)).split()[-2:]
    (RESULTS / f"{name}.json").write_text(json.dumps({"name": name, "python": python, "version": version}))
    report = f"--junitxml={RESULTS / name}.xml"
    marked = () if slow else ("-m", "not slow")
    said = (  # by what old versions import, and by Lightning where TensorBoard is missing
        "pkg_resources is deprecated",
        "Deprecated call to `pkg_resources",
        "`use_push_based_shuffle` is",
        "`use_polars` is",
        "Starting from v1.9.0",
    )
    old = [part for words in said for part in ("-W", f"ignore:{words}")]
    options = ("-q", "-n", "2", *marked, *old, "-p", "no:cacheprovider", report)
    session.run("python", "-m", "pytest", *options, *tests, success_codes=[0, 1])
