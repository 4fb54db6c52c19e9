"""What a program prints and which figures it saves; the streams are not disturbed."""

# ruff: noqa: T201 - printing is what is tested

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotrack
from autotrack import recording
from autotrack.capture.console import MAX_KEPT, MAX_SHOWN, Console, readable


@pytest.fixture
def tracked() -> Iterator[None]:
    autotrack.enable(to=f"memory://{os.urandom(4).hex()}", log_system_metrics=False, capture=["console", "figures"])
    yield
    autotrack.disable()


def kept(run: autotrack.Run, path: str) -> bytes:
    autotrack.flush()
    return (recording.current_recorder().home.run_artifacts(run.id) / path).read_bytes()


def test_a_run_keeps_what_is_printed_while_it_is_open(tracked: None, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, errors = io.StringIO(), io.StringIO()
    autotrack.disable()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", errors)
    autotrack.enable(to="memory://printed", capture=["console"], log_system_metrics=False)
    handler = logging.StreamHandler()
    logging.getLogger("mine").addHandler(handler)
    print("before")
    with autotrack.start_run() as run:
        print("epoch 1", end="")
        print("\rAPI_TOKEN=hunter2hunter2", file=sys.stderr)
        logging.getLogger("mine").warning("careful")
        assert sys.stdout.write("five\n") == 5
    print("after")
    logging.getLogger("mine").removeHandler(handler)
    assert kept(run, "console.txt").decode() == "API_TOKEN=***\ncareful\nfive\n"
    assert sys.stdout is stream
    assert stream.getvalue() == "before\nepoch 1five\nafter\n"
    assert errors.getvalue() == "\rAPI_TOKEN=hunter2hunter2\ncareful\n"


def test_errors_of_a_stream_are_its_own(tracked: None, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    autotrack.disable()
    monkeypatch.setattr(sys, "stdout", stream)
    autotrack.enable(to="memory://strict", capture=["console"], log_system_metrics=False)
    with pytest.raises(UnicodeEncodeError):
        print("é")
    with pytest.raises(TypeError):
        sys.stdout.write(3)
    sys.stdout.writelines(["a", "b"])
    assert stream.buffer.getvalue() == b"ab"
    autotrack.disable()
    assert "write" not in vars(stream)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\rb\n", "b\n"),
        ("100%\r50%\n", "50%%\n"),
        ("\x1b[1mbold\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07\n", "bold link\n"),
        ("outer 0\n\rinner 1\x1b[A\n\rinner 2\x1b[A\router 1\n", "outer 1\ninner 2"),
        ("1/9 [..]\b\b\b\b\b\b\b\b9/9 [==]\n", "9/9 [==]\n"),
        ("working...\r\x1b[Kdone\n", "done\n"),
    ],
)
def test_output_is_kept_as_a_terminal_shows_it(raw: str, shown: str) -> None:
    assert readable(raw) == shown


def test_progress_bars_leave_one_line(tracked: None) -> None:
    from tqdm import tqdm

    with autotrack.start_run() as run:
        for _ in tqdm(range(50), mininterval=0):
            pass
    lines = kept(run, "console.txt").decode().splitlines()
    assert len(lines) == 1
    assert "50/50" in lines[0]


@given(st.text())
def test_any_output_can_be_read(raw: str) -> None:
    readable(raw)


def test_only_the_tail_is_kept() -> None:
    console = Console()
    mark = console.mark()
    for number in range(30):
        console.keep(f"{number} " * 40_000)
    printed = console.between(mark, console.mark())
    assert len(printed) <= MAX_KEPT
    shown = readable(printed)
    assert shown.startswith("[")
    assert shown.endswith("29")
    assert len(shown) < MAX_SHOWN + 100


def test_saved_figures_go_to_the_last_run(tracked: None, tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    with autotrack.start_run() as run:
        pass
    figure = Figure()
    figure.add_subplot().plot([1, 2])
    figure.savefig(tmp_path / "curve.svg")
    figure.savefig(io.BytesIO())
    assert kept(run, "figures/curve.svg") == (tmp_path / "curve.svg").read_bytes()


def test_saved_plotly_figures_too(tracked: None, tmp_path: Path) -> None:
    import plotly.graph_objects as go

    with autotrack.start_run() as run:
        go.Figure(go.Scatter(y=[1, 2])).write_json(tmp_path / "curve.json")
    assert kept(run, "figures/curve.json") == (tmp_path / "curve.json").read_bytes()


def test_secrets_in_long_output_are_masked_wherever_they_stand() -> None:
    lines = [f"step {number} password=hunter2-{number} loss 0.5" for number in range(3_000)]
    shown = readable("\n".join(lines))
    assert "hunter2" not in shown
    assert shown.splitlines() == [f"step {number} password=*** loss 0.5" for number in range(3_000)]
