"""A pytest plugin for other people's tests: track them if asked, and write down the outcome of each.

Loaded by `run.py` with `-p outcomes`; `OUTCOMES_FILE` names the file, `OUTCOMES_TRACK=1` switches tracking on.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

outcomes: dict[str, str] = {}


def pytest_configure(config: Any) -> None:
    """Enable tracking in each process that runs tests."""
    if os.environ.get("OUTCOMES_TRACK") == "1":
        import autotrack

        autotrack.enable(to="memory://compat", log_system_metrics=False, capture=["git"])
        with autotrack.start_run():  # our threads begin with the first run; Lightning counts those that a test leaves
            pass


def pytest_runtest_logreport(report: Any) -> None:
    """Remember how a test ended; a failure in any phase counts."""
    if report.when == "call" or report.outcome != "passed":
        outcomes[report.nodeid] = "xfailed" if hasattr(report, "wasxfail") else report.outcome


def pytest_sessionfinish(session: Any) -> None:
    """Write the outcomes, once, from the controlling process."""
    if not hasattr(session.config, "workerinput"):
        Path(os.environ["OUTCOMES_FILE"]).write_text(json.dumps(outcomes))
