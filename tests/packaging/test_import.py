"""`import autotrack` is cheap: it loads nothing heavy and takes less than 50 ms."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {
    "alembic", "click", "matplotlib", "mlflow", "numpy", "pandas", "polars", "psutil",
    "psycopg", "rich", "scipy", "sklearn", "sqlalchemy", "urllib3",
}  # fmt: skip

# Timed with the clock of the child, so that the start of the interpreter does not count.
IMPORT = """
import json, sys, time
start = time.perf_counter()
import autotrack
print(json.dumps({"seconds": time.perf_counter() - start, "modules": sorted(sys.modules)}))
"""


def import_autotrack() -> tuple[float, set[str]]:
    """Import autotrack in a fresh interpreter; return the seconds it took and the top-level modules loaded."""
    done = subprocess.run([sys.executable, "-c", IMPORT], check=True, capture_output=True, text=True)
    report = json.loads(done.stdout)
    return report["seconds"], {name.partition(".")[0] for name in report["modules"]}


def test_import_loads_nothing_heavy() -> None:
    assert not import_autotrack()[1] & HEAVY


def test_import_takes_under_50_ms() -> None:
    fastest = min(import_autotrack()[0] for _ in range(7))  # other work on the machine only ever adds
    assert fastest < 0.050
