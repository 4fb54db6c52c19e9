"""The tools beside the pages, in Chromium: the palette, widths of columns, axes of charts, charts as pictures."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ui_browser import CLOSES_LATE, browser, open_page, ready
from ui_server import home, serve, server

import autotrack
from autotrack.server.launch import Server
from autotrack.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser", "home", "server"]

pytestmark = CLOSES_LATE


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    yield from open_page(browser, server)


def run_id(server: Server, name: str) -> str:
    with Store.open(server.place.home, create=False) as store:
        return store.find_run(name).id


def test_palette_finds_runs_pages_and_actions(page: Page, server: Server) -> None:
    page.keyboard.press("Control+k")
    page.locator("#palette li", has_text="run-2").wait_for()
    page.keyboard.type("run-1")
    page.locator("#palette li", has_text="run-2").wait_for(state="detached")
    page.locator("#palette li[aria-selected=true]", has_text="run-1").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(run_id(server, "run-1")))
    ready(page)
    page.keyboard.press("Control+k")
    page.keyboard.type("charts")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/charts$"))
    ready(page)
    page.keyboard.press("Control+k")
    page.keyboard.type("light and dark")
    page.keyboard.press("Enter")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.get_by_role("dialog").count() == 0


def test_palette_takes_what_is_typed_as_text(page: Page) -> None:
    page.keyboard.press("Control+k")
    for text in ('" or name like "%', "(((", "\\", "' ; drop table run"):
        with page.expect_response(re.compile(r"/api/find\?text=.")) as answer:
            page.locator("#palette input").fill(text)
        assert answer.value.json() == {"found": []}
        page.locator("#palette li").first.wait_for(state="detached")
    page.keyboard.press("Escape")
    assert not page.locator("#palette").is_visible()


def test_columns_change_their_width_and_keep_it(page: Page) -> None:
    def width() -> float:
        box = page.locator("thead th", has_text="started").bounding_box()
        assert box is not None
        return box["width"]

    grip = page.locator("thead th", has_text="started").locator(".grip")
    box = grip.bounding_box()
    assert box is not None
    before = width()
    page.mouse.move(box["x"] + 3, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 83, box["y"] + 8)
    page.mouse.up()
    assert width() == pytest.approx(before + 80, abs=2)
    page.reload()
    ready(page)
    assert width() == pytest.approx(before + 80, abs=2)
    page.locator("thead th", has_text="started").get_by_role("link").focus()
    page.keyboard.press("Shift+ArrowLeft")
    assert width() == pytest.approx(before + 56, abs=2)
    grip.dblclick()
    assert width() == pytest.approx(before, abs=2)
    assert "sort=" not in page.url


def test_head_and_names_stay_in_sight(page: Page) -> None:
    page.set_viewport_size({"width": 500, "height": 300})
    page.locator(".table-box").evaluate("box => box.scrollTo(400, 60)")
    for place in ("thead th.name", "tbody th.name >> nth=2"):
        box = page.locator(place).bounding_box()
        assert box is not None
        assert -1 <= box["x"] < 120


def test_charts_take_any_metric_as_their_axis(page: Page, server: Server) -> None:
    address = f"{server.address}/runs/{run_id(server, 'run-0')}/charts"
    page.goto(address)
    page.locator(".charts[data-loaded='2']").wait_for()
    page.get_by_label("x axis").select_option("metric:val_accuracy")
    page.wait_for_url(re.compile("axis=metric%3Aval_accuracy"))
    page.reload()
    ready(page)
    assert page.get_by_label("x axis").input_value() == "metric:val_accuracy"
    page.locator(".charts[data-loaded='2']").wait_for()
    canvas = page.locator("figure", has_text="loss").locator("canvas").first
    box = canvas.bounding_box()
    assert box is not None
    canvas.hover(position={"x": box["width"] / 2, "y": 50})
    assert page.locator("figure", has_text="loss").locator(".tip").first.inner_text().startswith("val_accuracy 0.")


def test_notebook_far_away_holds_the_page_itself(
    browser: Browser, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Colab and the like: the cell draws charts, without a server, and cut off from the notebook."""
    monkeypatch.setenv("AUTOTRACK_STORE", str(server.place.home))
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    context = browser.new_context(offline=True)
    notebook = context.new_page()
    for run, heading in (("run-0", "run-0"), (None, "5 runs compared")):
        html = autotrack.show(run)._repr_mimebundle_()["text/html"]
        assert 'sandbox="allow-scripts"' in html
        assert "localhost" not in html
        notebook.set_content(html)
        frame = notebook.frame_locator("iframe")
        frame.locator(".charts[data-loaded='2']").wait_for()
        assert heading in frame.get_by_role("heading", level=1).inner_text()
    context.close()


def test_pictures_stand_on_the_overview(browser: Browser, tmp_path: Path) -> None:
    autotrack.enable(to=[str(tmp_path / "home")], only=[], log_system_metrics=False, capture=[])
    try:
        with autotrack.start_run(name="drawn") as run:
            autotrack.log_artifact(Path(__file__).parents[2] / "docs" / "images" / "ui-phone.png")
            autotrack.log_text("<svg xmlns='http://www.w3.org/2000/svg'/>", "active.svg")
        autotrack.flush()
    finally:
        autotrack.disable()
    for own in serve(tmp_path / "home"):
        for page in open_page(browser, own):
            page.goto(f"{own.address}/runs/{run.id}")
            pictures = page.locator(".pictures img")
            assert pictures.count() == 1
            assert pictures.evaluate("img => img.decode().then(() => img.naturalWidth)") > 100
            pictures.click()
            page.wait_for_url(re.compile("/files/"))
            assert page.locator("img.artifact").evaluate("img => img.decode().then(() => img.naturalWidth)") > 100


@pytest.mark.parametrize("kind", ["PNG", "SVG"])
def test_charts_are_saved_as_pictures(page: Page, server: Server, kind: str) -> None:
    page.goto(f"{server.address}/compare?runs={run_id(server, 'run-0')},{run_id(server, 'run-1')}")
    page.locator(".charts[data-loaded='2']").wait_for()
    page.get_by_label("Save loss").click()
    with page.expect_download() as started:
        page.locator(".save-chart[open]").get_by_role("button", name=kind).click()
    assert started.value.suggested_filename == f"loss.{kind.lower()}"
    content = started.value.path().read_bytes()
    if kind == "PNG":
        assert content.startswith(b"\x89PNG")
        assert int.from_bytes(content[16:20], "big") > 600
        return
    picture = ET.fromstring(content)
    texts = ["".join(text.itertext()) for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"loss", "step", "run-0", "run-1"} <= set(texts)
    lines = [line for line in picture.iter("{http://www.w3.org/2000/svg}path") if len(line.get("d", "")) > 500]
    assert len(lines) == 2
    assert b"NaN" not in content
    assert b"style=" not in content
