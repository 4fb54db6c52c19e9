"""What was started: a script, a module, a notebook, an interactive session or a batch job."""

from __future__ import annotations

import os
import sys
from typing import Any

LOCAL = "LOCAL"
NOTEBOOK = "NOTEBOOK"
JOB = "JOB"

_JOB_VARIABLES = (
    "SLURM_JOB_ID",
    "LSB_JOBID",
    "PBS_JOBID",
    "AWS_BATCH_JOB_ID",
    "TRAINING_JOB_NAME",  # SageMaker
    "CLOUD_ML_JOB_ID",  # Vertex AI
)


def source() -> tuple[str, str]:
    """Return name and type of the entry point, in MLflow's words.

    Returns:
        The path of the script or notebook ("<console>", "<command>" or "<notebook>" where there is no file), and
        "NOTEBOOK", "JOB" (a batch scheduler started the process) or "LOCAL".
    """
    shell = _shell()
    if shell is not None and type(shell).__name__ != "TerminalInteractiveShell":
        return _notebook_name(shell), NOTEBOOK
    return _script_name(), JOB if any(name in os.environ for name in _JOB_VARIABLES) else LOCAL


def _shell() -> Any:
    """Return IPython's running shell, if any, without importing IPython."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if hasattr(module, "get_ipython") else None  # type: ignore[union-attr]


def _notebook_name(shell: Any) -> str:
    """Read the path where an editor or Jupyter leaves it; asking the Jupyter server would need the network."""
    names = (shell.user_ns.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME"))
    return next((name for name in names if isinstance(name, str) and name), "<notebook>")


def _script_name() -> str:
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if isinstance(file, str):
        return file
    return "<command>" if sys.argv[:1] == ["-c"] else "<console>"


def cell_count() -> int:
    """Return how many cells were run so far; 0 outside of a notebook."""
    return len(_cells())


def notebook_cells() -> str:
    """Return the cells that were run so far, in order, or "" outside of a notebook."""
    return "".join(f"# In [{number}]\n{cell}\n\n" for number, cell in enumerate(_cells()) if cell)


def _cells() -> list[str]:
    shell = _shell()
    if shell is None or type(shell).__name__ == "TerminalInteractiveShell":
        return []
    return shell.user_ns.get("In") or []
