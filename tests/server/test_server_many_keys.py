"""A run with a hundred thousand metrics and twelve thousand params: its pages stay small, and say what is missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ui_server import Client, Reply, serve

import autotrack

METRICS, PARAMS = 100_000, 12_000
BEARABLE = 400_000


@pytest.fixture(scope="module")
def run_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Client]]:
    home = tmp_path_factory.mktemp("many") / "home"
    autotrack.enable(to=[str(home)], only=[], log_system_metrics=False, capture=[])
    try:
        with autotrack.start_run("many") as run:
            for step in range(2):
                run.log_metrics({f"layer_{at // 100}/weight_{at % 100}": at + step for at in range(METRICS)}, step=step)
            run.log_params({f"size_{at}": at for at in range(PARAMS)})
        autotrack.flush()
    finally:
        autotrack.disable()
    servers = serve(home)
    yield run.id, Client(next(servers))
    for _ in servers:
        pass


@pytest.mark.slow
@pytest.mark.parametrize("page", ["", "/charts", "/code"])
def test_pages_of_a_run_with_very_many_keys_stay_small(run_client: tuple[str, Client], page: str) -> None:
    run_id, client = run_client
    reply = client.get(f"/runs/{run_id}{page}")
    assert reply.status == 200
    assert len(reply.body) < BEARABLE


@pytest.mark.slow
def test_the_server_finds_what_a_page_leaves_out(run_client: tuple[str, Client]) -> None:
    run_id, client = run_client
    whole = client.get(f"/runs/{run_id}")
    assert "100,000" in whole.text
    assert "The first 1,000 of 100,000" in whole.text
    assert "The first 1,000 of 12,000" in whole.text
    assert not _lists(whole, "layer_999/weight_99")
    found = client.get(f"/runs/{run_id}?metric=LAYER_999/&param=size_1199")
    assert _lists(found, "layer_999/weight_99")
    assert not _lists(found, "layer_0/weight_0")
    assert "100 of 100,000 metrics have" in found.text
    assert _lists(found, "size_11999")


@pytest.mark.slow
def test_charts_are_drawn_of_what_is_looked_for(run_client: tuple[str, Client]) -> None:
    run_id, client = run_client
    assert "The first 1,000 of 100,000" in client.get(f"/runs/{run_id}/charts").text
    found = client.get(f"/runs/{run_id}/charts?metric=layer_7/").text
    assert "100 of 100,000 metrics have" in found
    assert "layer_7/weight_12" in found


@pytest.mark.slow
def test_tables_and_reports_of_such_a_run_stay_small(run_client: tuple[str, Client]) -> None:
    run_id, client = run_client
    assert len(client.get("/").body) < BEARABLE
    assert len(client.get(f"/compare?runs={run_id}").body) < 10 * BEARABLE


def _lists(reply: Reply, name: str) -> bool:
    return f'<th scope="row">{name}</th>' in reply.text
