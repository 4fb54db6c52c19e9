"""The comparison of other people's programs notices what changes, and nothing that the clock changes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

COMPAT = Path(__file__).resolve().parents[1] / "compat"


@pytest.fixture
def observing(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(COMPAT))
    import observing

    yield observing
    for name in ("observing", "catalogue", "programs"):
        sys.modules.pop(name, None)


def seen(observing: ModuleType, stdout: str, files: dict[str, str] | None = None, status: int = 0) -> object:
    return observing.Observation(status, {"stdout": observing.clean(stdout)}, files or {})


def test_durations_addresses_and_progress_are_no_difference(observing: ModuleType) -> None:
    bare = "loss 0.5 in 0.3 seconds\n<A object at 0x7f00aa00>\n 3/10 ━━ 1s 2ms/step\n10/10 ━━ 4s 3ms/step - loss: 1\n"
    tracked = "loss 0.5 in 12 seconds\n<A object at 0x7fffaa00>\n10/10 ━━ 5s 9ms/step - loss: 1\n"
    one, other = seen(observing, bare), seen(observing, tracked)
    assert one == other
    assert observing.differences(one, other, one) == []


@pytest.mark.parametrize("what", ["stdout", "status", "file"])
def test_every_other_difference_is_one(observing: ModuleType, what: str) -> None:
    bare = seen(observing, "a\nb\n", {"model.txt": "1"})
    tracked = {
        "stdout": seen(observing, "a\nc\n", {"model.txt": "1"}),
        "status": seen(observing, "a\nb\n", {"model.txt": "1"}, 1),
        "file": seen(observing, "a\nb\n", {"model.txt": "1", "extra": "2"}),
    }[what]
    assert len(observing.differences(bare, tracked, bare)) >= 1


def test_what_two_bare_runs_do_not_share_is_not_asked_of_a_third(observing: ModuleType) -> None:
    bare, again = seen(observing, "start\nseed 1\nend\n"), seen(observing, "start\nseed 2\nend\n")
    assert observing.differences(bare, seen(observing, "start\nseed 3\nend\n"), again) == []
    assert observing.differences(bare, seen(observing, "start\nseed 3\n"), again) == ["stdout: -end"]


@pytest.mark.slow
def test_a_program_is_run_both_ways_in_its_own_folder(
    observing: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from catalogue import Program  # type: ignore[import-not-found]
    from programs import compare  # type: ignore[import-not-found]

    folder = tmp_path / "somebody" / "project" / "demo"
    folder.mkdir(parents=True)
    (folder / "data.txt").write_text("0 1 1 0")
    (folder / "train.py").write_text(
        "import pathlib, random, sys\n"
        "from sklearn.linear_model import LinearRegression\n"
        "y = [float(word) for word in pathlib.Path('data.txt').read_text().split()]\n"
        "model = LinearRegression().fit([[v * v + 1] for v in range(4)], y)\n"
        "pathlib.Path('model.txt').write_text(repr(model.coef_))\n"
        "print(sys.argv[1:], random.random(), model.coef_)\n"
    )
    program = Program("somebody/project", "demo/train.py", "0123456", 1, ("--fast",))
    assert compare(program, tmp_path, 120)
    assert "| yes | 1 | 1 |" in capsys.readouterr().out
    assert not compare(program._replace(trainings=2), tmp_path, 120)
