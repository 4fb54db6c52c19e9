"""A monitoring run: what a served model was asked, what it answered and how long that took, in the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autotrack.models.stored import StoredModel
from autotrack.run import Run
from autotrack.serving.messages import Window

EXPERIMENT = "monitoring"
SERVED_URI = "autotrack.served_uri"
SERVED_MODEL = "autotrack.served_model"
"""Tags of a monitoring run: the URI that was asked for, and the id of the model it led to."""
FOLDER = "samples"
FILE_ROWS = 1_000


class Monitoring:
    """The run of one model that is being served.

    Args:
        model: Which one.
        workers: By how many processes.
    """

    def __init__(self, model: StoredModel, workers: int) -> None:
        tags = {SERVED_URI: model.uri, SERVED_MODEL: model.model_id or ""}
        self.run = Run(experiment=EXPERIMENT, source="serving", tags=tags)
        params = {"model": model.uri, "model_id": model.model_id, "run_id": model.run_id, "workers": workers}
        self.run.log_params(params)
        self._windows = 0
        self._file = 1
        self._rows: list[bytes] = []

    def add(self, window: Window) -> None:
        """Record what one worker was asked in some seconds."""
        counts = {"requests": window.requests, "errors": window.errors, "rows": window.rows}
        self.run.log_metrics(counts, self._windows)
        if window.seconds:
            middle, most = np.quantile(window.seconds, [0.5, 0.95]) * 1e3
            latencies = {"latency_ms_p50": middle, "latency_ms_p95": most, "latency_ms_max": max(window.seconds) * 1e3}
            self.run.log_metrics(latencies, self._windows)
        self._windows += 1
        if window.sample:
            self._keep(window.sample)

    def _keep(self, sample: Iterable[Any]) -> None:
        """Write the current file anew, with what has come: a killed server has lost no window."""
        self._rows += map(bytes, sample)
        content = b"".join(row + b"\n" for row in self._rows)
        self.run.log_bytes(f"{FOLDER}/{self._file:06}.jsonl", content)
        if len(self._rows) >= FILE_ROWS:
            self._rows = []
            self._file += 1

    def end(self) -> None:
        """End the run."""
        self.run.end()
