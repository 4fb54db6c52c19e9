"""A clock that is set back and forth while a program trains (R46)."""

from __future__ import annotations

import time

import pytest

import autotrack

DAY = 86_400 * 10**9


def test_a_clock_that_jumps_loses_and_mixes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    true_time = time.time_ns
    autotrack.enable(log_system_metrics=False, capture=[])
    with autotrack.start_run("jumps") as run:
        for step in range(300):
            shift = (step % 3 - 1) * DAY
            monkeypatch.setattr(time, "time_ns", lambda shift=shift: true_time() + shift)
            run.log_metric("loss", step * 0.5, step)
    monkeypatch.undo()
    with autotrack.start_run("afterwards"):
        pass
    autotrack.flush(30)
    runs = {found.name: found for found in autotrack.search_runs()}
    assert {found.status for found in runs.values()} == {"finished"}
    points = runs["jumps"].metric_history("loss")
    assert [(point.step, point.value) for point in points] == [(step, step * 0.5) for step in range(300)]
    autotrack.disable()
