"""Weights of features on the page of a run and in its file, whichever integration wrote them down."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import autotrack
from tests.ui_server import Client, serve


@pytest.fixture(scope="module")
def weighing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, str]]:
    home = tmp_path_factory.mktemp("weights") / "home"
    autotrack.enable(to=[str(home)], only=[], log_system_metrics=False, capture=[])
    with autotrack.start_run() as run:
        autotrack.log_dict({"age": 2.0, "<b>": 5.0, "why": "text"}, "feature_importance_total_gain.json")
        autotrack.log_dict({"age": -3.0}, "coefficients.json")
        autotrack.log_dict({"age": 1.0}, "feature_importance_gain.txt")
        autotrack.log_text("no json", "feature_importance.json")
        run_id = run.id
    autotrack.flush()
    autotrack.disable()
    for server in serve(home):
        yield Client(server), run_id


EXPECTED = [
    {"title": "Coefficients", "features": [["age", -3.0]]},
    {"title": "Feature importance: total gain", "features": [["<b>", 5.0], ["age", 2.0]]},
]


def data_of(page: str) -> dict[str, object]:
    text = page.partition('id="evaluation-data">')[2].partition("</script>")[0]
    found: dict[str, object] = json.loads(text)
    return found


@pytest.mark.parametrize("page", ["evaluation", "report"])
def test_every_type_is_shown(weighing: tuple[Client, str], page: str) -> None:
    client, run_id = weighing
    reply = client.get(f"/runs/{run_id}/{page}")
    assert reply.status == 200
    assert data_of(reply.text)["weights"] == EXPECTED


def test_a_run_with_weights_alone_has_the_page(weighing: tuple[Client, str]) -> None:
    client, run_id = weighing
    assert f'href="/runs/{run_id}/evaluation"' in client.get(f"/runs/{run_id}").text
    assert "has no evaluation" not in client.get(f"/runs/{run_id}/evaluation").text
