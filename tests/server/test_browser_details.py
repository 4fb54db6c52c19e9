"""What looked wrong on pages of real runs once, in Chromium: paging, odd values, long names, phones, addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ui_browser import CLOSES_LATE, browser, open_page, ready
from ui_server import Client

import autotrack
from autotrack.server.launch import Server
from autotrack.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]

pytestmark = CLOSES_LATE

LONG = "a/very/deeply/nested/metric/name/that/goes/on/and/on/without/any/place/to/break/it"
CANDIDATES = """params,param_C,param_weight,mean_test_score,rank_test_score
a,0.1,,0.5,3
b,1.0,balanced,0.9,1
c,10.0,,0.7,2
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record 60 runs, and one with odd values."""
    home = tmp_path_factory.mktemp("details") / "home"
    autotrack.enable(to=[str(home)], only=[], log_system_metrics=False, capture=[])
    try:
        for number in range(60):
            with autotrack.start_run(name=f"run-{number:02}", experiment="many"):
                autotrack.log_metric("x", number)
        with autotrack.start_run(name="odd", experiment="odd values"):
            autotrack.log_params({"C": 1, "path": "/directory" * 40})
            for step in range(5):
                autotrack.log_metrics(
                    {LONG: 1.99e8 + step, "epoch": step, "system/cpu_utilization_percentage": 50.0}, step=step
                )
            autotrack.log_text(CANDIDATES, "cv_results.csv")
        autotrack.flush()
    finally:
        autotrack.disable()
    return home


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    yield from open_page(browser, server)


@pytest.fixture
def phone(browser: Browser, server: Server) -> Iterator[Page]:
    for page in open_page(browser, server):
        page.set_viewport_size({"width": 390, "height": 844})
        yield page


@pytest.fixture
def odd(server: Server) -> str:
    with Store.open(server.place.home, create=False) as store:
        return f"/runs/{store.find_run('odd').id}"


def test_pages_of_a_long_table_come_while_one_scrolls(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/?experiment=many&size=25")
    ready(page)
    box, place = page.locator(".table-box"), page.locator("#rows-in-sight")
    height = box.evaluate("box => box.scrollHeight")
    assert page.locator("tr[data-run]").count() < 60
    assert place.inner_text().startswith("rows 1\u2013")
    box.evaluate("box => box.scrollTo(0, box.scrollHeight)")
    page.locator("tr", has_text="run-00").wait_for()
    page.wait_for_url(re.compile("page=[23]"))
    assert box.evaluate("box => box.scrollHeight") == height
    assert place.inner_text().endswith("\u201360")
    page.reload()
    ready(page)
    page.locator("tr", has_text="run-00").wait_for()
    box.evaluate("box => box.scrollTo(0, 0)")
    page.locator("tr", has_text="run-59").wait_for()
    page.wait_for_url(re.compile("size=25$"))
    page.get_by_role("columnheader", name="run", exact=True).get_by_role("link").click()
    page.locator("tbody tr[data-run]", has_text="run-00").wait_for()
    assert box.evaluate("box => box.scrollTop") == 0


def test_live_updates_leave_a_long_table_where_it_is(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/?experiment=many&size=25&page=2")
    ready(page)
    box = page.locator(".table-box")
    box.evaluate("box => { box.scrollTop += 200 }")
    page.locator("tr", has_text="run-09").wait_for()
    before = box.evaluate("box => box.scrollTop")
    page.evaluate("import('/static/page.js').then((module) => module.reload())")
    page.wait_for_selector("body[data-took]")
    assert box.evaluate("box => box.scrollTop") == before
    assert page.locator("tr", has_text="run-09").count() == 1, "its rows stay until fresh ones have come"


def test_long_tables_are_walked_turned_and_selected_with_the_keyboard(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/?experiment=many&size=25")
    ready(page)
    page.keyboard.press("n")
    page.locator("tr.current", has_text="run-34").wait_for()
    page.wait_for_url(re.compile("page=2"))
    page.keyboard.press("k")
    page.locator("tr.current", has_text="run-35").wait_for()
    page.keyboard.press("j")
    page.keyboard.press("n")
    page.locator("tr.current", has_text="run-09").wait_for()
    page.keyboard.press("n")
    page.keyboard.press("p")
    page.locator("tr.current", has_text="run-34").wait_for()
    page.get_by_label("Select all runs").check()
    page.locator("#actions", has_text="60 selected").wait_for()
    page.keyboard.press("Escape")
    page.locator("#actions").wait_for(state="hidden")


def test_pages_of_the_table_have_links_without_scripts(browser: Browser, server: Server) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.entrance())
    page.goto(f"{server.address}/?experiment=many&size=25")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Next").click()
    assert "26\u201350" in page.get_by_role("navigation", name="Pages").inner_text()
    assert page.locator("tr[data-run]").count() == 25
    context.close()


def test_mlflows_addresses_lead_to_our_pages(page: Page, server: Server, odd: str) -> None:
    run = odd.rpartition("/")[2]
    places = {
        f"#/experiments/1/runs/{run}": odd,
        f"#/experiments/1/runs/{run}/artifacts/model": f"{odd}/files",
        f"#/experiments/1/runs/{run}/model-metrics": f"{odd}/charts",
        "#/experiments/2": "/?experiment=many",
        "#/models": "/models",
    }
    for hash_, place in places.items():
        page.goto("about:blank")
        page.goto(f"{server.address}/{hash_}")
        page.wait_for_url(server.address + place)
        ready(page)
    page.goto(server.address)
    ready(page)
    page.evaluate("run => { location.hash = `/experiments/2/runs/${run}` }", run)  # as a paste into the same tab does
    page.wait_for_url(server.address + odd)


def test_experiments_are_found_by_number(client: Client) -> None:
    answer = client.get("/experiments/2")
    assert (answer.status, answer.headers["location"]) == (303, "/?experiment=many")
    for number in ("99", str(2**63), "9" * 40, "x", "-1"):
        assert client.get(f"/experiments/{number}").status == 404


def test_candidates_begin_with_the_best_and_stay_on_the_canvas(page: Page, server: Server, odd: str) -> None:
    page.goto(f"{server.address}{odd}/search")
    ready(page)
    first = page.locator("table.csv tbody tr").first
    assert first.locator("td").all_inner_texts()[:3] == ["1", "1.0", "balanced"]
    assert page.locator("table.csv tbody tr").nth(1).locator("td").nth(2).inner_text() == "\u2013"
    drawn = """canvas => {
      const ratio = devicePixelRatio;
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const start = (canvas.height - 4 * ratio) * canvas.width * 4;
      return [data.slice(0, start).some((byte) => byte), data.slice(start).some((byte) => byte)];
    }"""
    assert page.locator("[data-parallel] canvas").evaluate(drawn) == [True, False]


def test_metrics_of_the_machine_are_drawn_over_time(page: Page, server: Server, odd: str) -> None:
    page.goto(f"{server.address}{odd}/system")
    page.locator(".charts[data-loaded='1']").wait_for()
    assert page.get_by_label("x axis").input_value() == "relative"
    assert page.url.endswith("/system")
    page.get_by_label("x axis").select_option("step")
    page.wait_for_url(re.compile("#axis=step"))
    page.reload()
    ready(page)
    assert page.get_by_label("x axis").input_value() == "step"


def test_numbers_have_commas_and_failed_filters_no_count(page: Page, server: Server, odd: str) -> None:
    page.goto(f"{server.address}{odd}")
    assert "199,000,004" in page.locator(".numbers").inner_text()
    page.goto(f"{server.address}/?filter=metrics.x+%3E%3E+1")
    ready(page)
    assert "0 runs" not in page.locator("main").inner_text()
    page.goto(f"{server.address}/?deleted=1")
    assert page.title().startswith("Trash")


def test_nothing_is_wider_than_a_phone(phone: Page, server: Server, odd: str) -> None:
    for tab in ("", "/charts", "/search", "/files", "/code"):
        phone.goto(f"{server.address}{odd}{tab}")
        ready(phone)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390
        box = phone.locator(".tabs [aria-current]").bounding_box()
        assert box is not None
        assert 0 <= box["x"] < box["x"] + box["width"] <= 391


def test_comparisons_fit_a_phone(phone: Page, server: Server, odd: str) -> None:
    with Store.open(server.place.home, create=False) as store:
        other = store.find_run("run-00").id
    phone.goto(f"{server.address}/compare?runs={odd.rpartition('/')[2]},{other}")
    ready(phone)
    phone.locator("[data-compare-scatter] select").first.wait_for()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    assert phone.locator("figure", has_text="epoch").count() == 0
