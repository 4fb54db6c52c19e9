"""Hugging Face Accelerate: a tracker for `Accelerator(log_with=…)`, which programs that name their trackers add."""

from autotrack.integrations.accelerate.tracker import AutotrackTracker

__all__ = ["AutotrackTracker"]
