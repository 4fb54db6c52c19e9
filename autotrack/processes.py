"""What part this process plays: the user's own program, a worker some pool started, or one rank of many."""

from __future__ import annotations

import json
import os
import sys

POOL_STARTERS = ("multiprocessing.spawn", "multiprocessing.forkserver", "loky.backend")
RANK_VARIABLES = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "JAX_PROCESS_ID", "LOCAL_RANK")


def is_pool_worker() -> bool:
    """Say whether a pool started this interpreter to run parts of a program: multiprocessing, joblib's loky.

    Such a process imports the user's program again, `enable()` and all. A forked child is the user's own program.
    """
    return any(starter in argument for argument in sys.orig_argv for starter in POOL_STARTERS)


def rank() -> int:
    """Return the rank of this process in a distributed job; 0 where there is none.

    SLURM sets its variable for single processes too, so it counts only where a job has several tasks.
    """
    for name in RANK_VARIABLES:
        value = os.environ.get(name, "")
        if value.isdigit() and not (name.startswith("SLURM") and os.environ.get("SLURM_NTASKS", "1") == "1"):
            return int(value)
    return _tensorflow_rank(os.environ.get("TF_CONFIG", ""))


def _tensorflow_rank(config: str) -> int:
    """Return the rank that TF_CONFIG gives: the index of a worker; the chief is 0, other tasks never are."""
    try:
        task = json.loads(config)["task"]
        kind, index = str(task["type"]), int(task["index"])
    except (ValueError, KeyError, TypeError):
        return 0
    if kind == "chief":
        return 0
    has_chief = "chief" in json.loads(config).get("cluster", {})
    return index + 1 if has_chief or kind != "worker" else index
