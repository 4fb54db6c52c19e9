"""Who cannot see well, or has no mouse: contrast of all texts as drawn, names of all controls, ways by keyboard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from ui_browser import CLOSES_LATE, browser, open_page, ready
from ui_server import home, server

from autotrack.server.launch import Server
from autotrack.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser", "home", "server"]

pytestmark = CLOSES_LATE

# https://www.w3.org/TR/WCAG21/#contrast-minimum, over the texts of a page on the grounds behind them
FAINT = """() => {
  const dot = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
  const pen = dot.getContext('2d', { willReadFrequently: true });
  const known = new Map();
  const rgba = (color) => {
    if (!known.has(color)) {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = color;
      pen.fillRect(0, 0, 1, 1);
      known.set(color, [...pen.getImageData(0, 0, 1, 1).data].map((part) => part / 255));
    }
    return known.get(color);
  };
  const over = (top, below) => top.slice(0, 3).map((part, at) => part * top[3] + below[at] * (1 - top[3])).concat(1);
  const own = (one) => rgba(getComputedStyle(one).backgroundColor);
  const ground = (one) => one ? over(own(one), ground(one.parentElement)) : [1, 1, 1, 1];
  const linear = (part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const light = ([red, green, blue]) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || one.closest('.vh') || !one.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(one);
    const below = ground(one);
    const levels = [light(over(rgba(style.color), below)), light(below)].sort();
    const ratio = (levels[1] + 0.05) / (levels[0] + 0.05);
    const least = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
    if (ratio < least) faint.push(`${ratio.toFixed(2)} ${one.className} ${text}`);
  }
  return faint;
}"""
NAMELESS = """[...document.querySelectorAll(
    'button, a[href], input:not([type=hidden]), select, summary, canvas, iframe, img')]
  .filter((one) => !one.textContent.trim() && !one.ariaLabel && !one.title && !one.alt && !one.labels?.length)
  .filter((one) => !one.closest('[aria-hidden]') && one.getAttribute('alt') !== '').map((one) => one.outerHTML)"""


def addresses(server: Server) -> list[str]:
    with Store.open(server.place.home, create=False) as store:
        runs = [store.find_run(name).id for name in ("run-0", "run-1", "broken")]
    own = [f"/runs/{runs[0]}{part}" for part in ("", "/charts", "/evaluation", "/files", "/code")]
    views = ["/", "/?group=experiment", "/?filter=status+%3D+1", "/models"]
    return [*views, *own, f"/runs/{runs[2]}", f"/compare?runs={runs[0]},{runs[1]}"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_texts_can_be_read_and_all_controls_have_names(browser: Browser, server: Server, scheme: str) -> None:
    for page in open_page(browser, server, color_scheme=scheme):
        for address in addresses(server):
            page.goto(server.address + address)
            ready(page)
            if "charts" in address or "compare" in address:
                page.locator(".charts[data-loaded='2']").wait_for()
            assert page.evaluate(FAINT) == [], address
            assert page.evaluate(NAMELESS) == [], address


def walk_to(page: Page, wanted: str) -> None:
    """Press Tab until the keyboard is, and can be seen to be, at an element."""
    for _ in range(60):
        page.keyboard.press("Tab")
        here = page.evaluate("document.activeElement.matches(':focus-visible') && document.activeElement.outerHTML")
        if wanted in str(here):
            return
    raise AssertionError(f"the keyboard does not come to {wanted}")


def test_filter_select_and_compare_without_a_mouse(browser: Browser, server: Server) -> None:
    for page in open_page(browser, server):
        walk_to(page, 'id="filter-text"')
        page.keyboard.type("params.lr < 0.05")
        page.keyboard.press("Enter")
        page.locator(".summary", has_text="2 runs").wait_for()
        for name in ("run-2", "run-1"):
            walk_to(page, f'aria-label="Select {name}"')
            page.keyboard.press("Space")
        page.locator("#actions", has_text="2 selected").wait_for()
        walk_to(page, 'data-do="compare"')
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/compare"))
        ready(page)
        assert page.get_by_role("heading", level=1).inner_text() == "2 runs compared"


def test_dialogs_give_the_keyboard_back(browser: Browser, server: Server) -> None:
    for page in open_page(browser, server):
        page.get_by_role("button", name="Columns").focus()
        page.keyboard.press("Enter")
        page.locator("#columns[open]").wait_for()
        assert page.evaluate("document.activeElement.ariaLabel") == "Find a column"
        page.keyboard.press("Escape")
        page.locator("#columns[open]").wait_for(state="detached")
        assert page.evaluate("document.activeElement.dataset.do") == "columns"
