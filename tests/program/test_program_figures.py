"""Figures that a program shows become files of its run, and stay as they are."""

from __future__ import annotations

import json
import os
import struct
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest
from plotly.io.base_renderers import ExternalRenderer

import autotrack
from autotrack import recording
from autotrack.program_hooks import shown
from autotrack.testing import MemoryBackend, MemoryRun

PNG = b"\x89PNG"


@pytest.fixture(autouse=True)
def no_figures() -> Iterator[None]:
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture
def tracked() -> Iterator[Callable[[], MemoryRun]]:
    name = os.urandom(4).hex()
    autotrack.enable(to=f"memory://{name}", log_system_metrics=False, capture=["figures"])

    def only() -> MemoryRun:
        autotrack.flush(60)
        (run,) = MemoryBackend.named(name).runs
        return run

    yield only
    autotrack.disable()


def kept(run: MemoryRun, path: str) -> bytes:
    return (recording.current_recorder().home.run_artifacts(run.id) / path).read_bytes()


def show() -> list[tuple[str, int]]:
    """Show with Agg, which says that it cannot; return where it says so."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        plt.show()
    return [(warning.filename, warning.lineno) for warning in said]


def test_shown_figures_are_drawn_elsewhere(tracked: Any) -> None:
    with autotrack.start_run():
        first, axes = plt.subplots(figsize=(4, 3))
        axes.plot(np.arange(10))
        second = plt.figure(figsize=(2, 2))
        drawn: list[Any] = []
        number = first.canvas.mpl_connect("draw_event", drawn.append)
        place = show()
        assert first.canvas.mpl_connect("draw_event", lambda event: None) == number + 1
        assert drawn == []
        assert plt.gcf() is second
    run = tracked()
    assert sorted(run.artifacts) == ["figures/shown_001.png", "figures/shown_002.png"]
    picture = kept(run, "figures/shown_001.png")
    assert picture.startswith(PNG)
    assert struct.unpack(">II", picture[16:24]) == (400, 300)
    assert {filename for filename, _ in place} <= {__file__}


def test_a_warning_names_the_same_line_as_without(tracked: Any) -> None:
    plt.figure()
    with autotrack.start_run():
        tracked_place = show()
    autotrack.disable()
    assert show() == tracked_place


def test_a_figure_shown_again_replaces_itself(tracked: Any) -> None:
    with autotrack.start_run():
        _, axes = plt.subplots()
        show()
        autotrack.flush(60)
        empty = kept(tracked(), "figures/shown_001.png")
        axes.plot([1, 3, 2])
        show()
    run = tracked()
    assert list(run.artifacts) == ["figures/shown_001.png"]
    assert kept(run, "figures/shown_001.png") != empty


def test_what_cannot_be_taken_leaves_a_note(tracked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autotrack.program_hooks.figures.MAX_FIGURE", 50_000)
    with autotrack.start_run():
        plt.figure().add_subplot().plot(np.zeros(100_000))
        strange = plt.figure()
        strange.mine = lambda: None
        show()
    notes = [note.message for note in tracked().notes if note.code == "figure.skipped"]
    assert notes[0] == "figures/shown_001.png: _TooLargeError: it holds more than 0 MB"
    assert "shown_002.png" in notes[1]
    assert tracked().artifacts == {}


class Elsewhere(ExternalRenderer):
    """Shows nothing here."""

    def render(self, fig_dict: Any) -> None:
        """Let the program take the figure elsewhere."""


@pytest.fixture
def elsewhere() -> str:
    plotly.io.renderers["elsewhere"] = Elsewhere()
    return "elsewhere"


def test_the_number_is_bounded(tracked: Any, elsewhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "MAX_SHOWN", 2)
    with autotrack.start_run():
        for _ in range(4):
            go.Figure(go.Scatter(y=[1, 2])).show(renderer=elsewhere)
    assert len(tracked().artifacts) == 2


def test_shown_plotly_figures_are_kept_as_they_were(tracked: Any, elsewhere: str) -> None:
    with autotrack.start_run():
        figure = go.Figure(go.Scatter(y=np.array([1.5, 2.5])))
        as_shown = json.loads(figure.to_json())
        figure.show(renderer=elsewhere)
        figure.update_layout(title="later")
    content = json.loads(kept(tracked(), "figures/shown_001.json"))
    assert content == as_shown
    assert "title" not in content["layout"]


def test_without_a_run_nothing_happens(tracked: Any) -> None:
    plt.figure()
    show()
    assert autotrack.active_run() is None


def test_a_notebook_has_drawn_them(tracked: Any) -> None:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Kernel(InteractiveShell):
        """What shows text and pictures, as the kernel of a notebook does."""

        def enable_gui(self, gui: str | None = None) -> None:
            """Need no event loop."""

    shell = Kernel.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.display_formatter.active_types = ["text/plain", "image/png"]
    try:
        with autotrack.start_run():
            lines = ["%matplotlib inline", "import matplotlib.pyplot as plt", "plt.plot([1, 2])", "plt.show()"]
            assert shell.run_cell("\n".join([*lines, "plt.plot([2, 1]);"])).success
        run = tracked()
        assert sorted(run.artifacts) == ["figures/shown_001.png", "figures/shown_002.png"]  # shown, and left open
        assert kept(run, "figures/shown_002.png").startswith(PNG)
    finally:
        plt.switch_backend("agg")
        Kernel.clear_instance()
