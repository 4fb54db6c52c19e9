"""Evaluations as a page that needs nothing else, and as pictures drawn in another process."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from xml.dom import minidom

import msgspec
import numpy as np
import pytest

from autotrack.evaluation import evaluate
from autotrack.evaluation.charts import KINDS
from autotrack.evaluation.drawing import Draughtsman
from autotrack.evaluation.figures import MLFLOW_KINDS
from autotrack.evaluation.page import to_page
from autotrack.evaluation.report import Evaluation

random = np.random.default_rng(3)


def classes(labels: list[str], rows: int = 200) -> Evaluation:
    truth = random.integers(0, len(labels), rows)
    score = random.dirichlet(np.ones(len(labels)), rows)
    names = np.array(labels)
    return evaluate(names[truth], names[score.argmax(axis=1)], score, labels=labels, split="test")


EVALUATIONS = {
    "binary": evaluate(random.integers(0, 2, 50), random.integers(0, 2, 50), random.random(50)),
    "odd names": classes(["<b>", "a & b", '"q"']),
    "many classes": classes([f"class number {at:03}" for at in range(60)], 600),
    "regression": evaluate(random.normal(size=80), random.normal(size=80)),
    "one class": evaluate([1, 1, 1], [1, 1, 1]),
    "constant": evaluate([2.0, 2.0], [2.0, 2.0]),
}


@pytest.mark.parametrize("name", EVALUATIONS)
def test_a_page_is_whole_and_asks_for_nothing(name: str) -> None:
    evaluation = EVALUATIONS[name]
    page = to_page(evaluation)
    charts = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(charts) == sum(kind.applies(evaluation) for kind in KINDS.values())
    for chart in charts:
        drawn = minidom.parseString(chart)  # well-formed, whatever classes are called
        assert "nan" not in chart
        assert drawn.getElementsByTagName("title"), "nothing tells its number"
    assert "<script" not in page
    assert set(re.findall(r"https?://[^\"' ]+", page)) <= {"http://www.w3.org/2000/svg"}
    assert len(page) < 1_000_000


@pytest.fixture
def draughtsman() -> Iterator[Draughtsman]:
    draughtsman = Draughtsman()
    yield draughtsman
    draughtsman.close()


def test_pictures_are_drawn_elsewhere(draughtsman: Draughtsman) -> None:
    report = EVALUATIONS["binary"].to_dict()
    for _ in range(2):
        files = draughtsman.draw(report, MLFLOW_KINDS)
        assert set(files) == {f"test_{kind}.png" for kind in MLFLOW_KINDS}
        assert all(data.startswith(b"\x89PNG") for data in files.values())
    assert draughtsman.draw(EVALUATIONS["regression"].to_dict(), MLFLOW_KINDS) == {}


def test_a_process_that_died_is_started_again(draughtsman: Draughtsman) -> None:
    report = EVALUATIONS["binary"].to_dict()
    draughtsman.draw(report, ("roc_curve",))
    assert draughtsman._helper is not None
    draughtsman._helper._process.kill()
    draughtsman._helper._process.wait()
    with pytest.raises(OSError, match=r"ended|Broken pipe"):
        draughtsman.draw(report, ("roc_curve",))
    assert set(draughtsman.draw(report, ("roc_curve",))) == {"test_roc_curve.png"}


def test_a_report_that_cannot_be_drawn_harms_only_itself(draughtsman: Draughtsman) -> None:
    with pytest.raises(OSError, match="has ended"):
        draughtsman.draw({"task": "nonsense"}, MLFLOW_KINDS)
    assert draughtsman.draw(EVALUATIONS["binary"].to_dict(), ("roc_curve",))


def test_the_report_survives_the_journal() -> None:
    report = msgspec.msgpack.decode(msgspec.msgpack.encode(EVALUATIONS["odd names"].to_dict()))
    assert to_page(Evaluation.from_dict(report)) == to_page(EVALUATIONS["odd names"])


def test_a_page_needs_no_plotting_library() -> None:
    code = (
        "import sys; from autotrack.evaluation import evaluate; from autotrack.evaluation.page import to_page; "
        "to_page(evaluate([0, 1, 1], y_score=[0.1, 0.8, 0.4])); "
        "assert not {'matplotlib', 'plotly'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
