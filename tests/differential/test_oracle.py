"""No program can tell whether it is tracked: the corpus of `tests/oracle_programs`, each run bare and tracked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))  # test folders are no packages

import oracle  # noqa: E402 - found by the line above

PROGRAMS = sorted((TESTS / "oracle_programs").glob("*.py"))


def test_a_program_whose_training_is_refused() -> None:
    assert oracle.differences(TESTS / "oracle_programs" / "sklearn_refused.py") == []


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_of_the_corpus(program: Path) -> None:
    assert oracle.differences(program) == []


def test_a_difference_is_found(tmp_path: Path) -> None:
    program = tmp_path / "curious.py"
    program.write_text(
        "import sys\nfrom sklearn.dummy import DummyRegressor\nDummyRegressor().fit([[0]], [0])\n"
        "tracked = 'autotrack' in sys.modules\n"
    )
    (found,) = oracle.differences(program)
    assert found.startswith("values: ")
