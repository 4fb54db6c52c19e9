"""A program must not notice our frames between itself and a library: not in warnings, not in tracebacks."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autotrack.patching.call import Call
from autotrack.patching.imports import ImportWatcher
from autotrack.patching.patcher import Patcher


class Library:
    """Warns its caller, as libraries do, and its caller's caller."""

    def fit(self, *, fail: bool = False) -> None:
        """Train."""
        warnings.warn("the default will change", FutureWarning, stacklevel=2)
        if fail:
            raise ValueError("no data")

    @staticmethod
    def complain(message: str) -> None:
        warnings.warn(message, UserWarning, stacklevel=2)


def observer(call: Call) -> Iterator[None]:
    yield


def forwarding(original: Callable[..., Any]) -> Callable[..., Any]:
    def autotrack_forward(message: str) -> None:
        original(message)

    return autotrack_forward


@pytest.fixture
def patched() -> Iterator[Patcher]:
    patcher = Patcher("lab")
    patcher.observe(Library, "fit", observer)
    patcher.wrap(Library, "complain", forwarding)
    yield patcher
    patcher.undo()


def places(program: Callable[[], object]) -> list[tuple[str, int]]:
    """Return where each warning is shown that Python shows of a program, relative to its first line."""
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        program()
    first = inspect.getsourcelines(program)[1]
    return [(each.filename, each.lineno - first) for each in shown]


def calls_at_several_places() -> None:
    for _ in range(2):
        Library().fit()
    Library().fit()
    Library.complain("once more")


@pytest.mark.usefixtures("patched")
def test_warnings_name_the_line_of_the_program_and_are_shown_once_for_each() -> None:
    assert places(calls_at_several_places) == [(__file__, 2), (__file__, 3), (__file__, 4)]


def test_they_are_as_without_tracking(patched: Patcher) -> None:
    tracked = places(calls_at_several_places)
    patched.undo()
    vars(sys.modules[__name__]).pop("__warningregistry__", None)
    assert places(calls_at_several_places) == tracked


@pytest.mark.usefixtures("patched")
@pytest.mark.filterwarnings("ignore:the default will change")
@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 keeps the frame: see `Patcher.observed`")
def test_a_traceback_goes_from_the_program_to_the_library() -> None:
    with pytest.raises(ValueError, match="no data") as caught:
        Library().fit(fail=True)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names == ["test_a_traceback_goes_from_the_program_to_the_library", "fit"]


@pytest.mark.usefixtures("patched")
def test_the_source_of_a_replacement_can_be_read() -> None:
    lines, _ = inspect.getsourcelines(inspect.unwrap(Library.fit))
    assert lines[0].strip().startswith("def fit")
    frame = traceback.FrameSummary(Library.fit.__code__.co_filename, Library.fit.__code__.co_firstlineno, "")
    assert "autotrack" in frame.filename


@pytest.fixture
def watcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImportWatcher]:
    monkeypatch.syspath_prepend(str(tmp_path))
    watcher = ImportWatcher()
    watcher.start()
    yield watcher
    watcher.stop()


def test_a_module_that_warns_its_importer_names_the_import(
    tmp_path: Path, watcher: ImportWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    warn = "import warnings\nwarnings.warn('moved', DeprecationWarning, stacklevel=2)\n"
    (tmp_path / "moved_library.py").write_text(warn)
    (tmp_path / "importing_program.py").write_text("\nimport moved_library\n")
    ready: list[object] = []
    watcher.watch("moved_library", ready.append)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        importlib.import_module("importing_program")
    assert [(each.filename, each.lineno) for each in shown] == [(str(tmp_path / "importing_program.py"), 2)]
    assert ready == [sys.modules["moved_library"]]
    for name in ("moved_library", "importing_program"):
        monkeypatch.delitem(sys.modules, name)


def test_the_traceback_of_an_import_that_fails_shows_no_import_system(tmp_path: Path, watcher: ImportWatcher) -> None:
    (tmp_path / "broken_library.py").write_text("1 / 0\n")
    (tmp_path / "hopeful_program.py").write_text("import broken_library\n")
    watcher.watch("broken_library", lambda module: None)
    with pytest.raises(ZeroDivisionError) as caught:
        import hopeful_program  # type: ignore[import-not-found]  # noqa: F401 - it fails
    files = [Path(frame.filename).name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert files == ["test_unseen.py", "hopeful_program.py", "broken_library.py"]
