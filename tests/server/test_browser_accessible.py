"""Whether everybody can use the pages: contrast, names and roles by axe-core, the ring of the focus, narrow windows."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from ui_browser import CLOSES_LATE, browser, ready
from ui_server import record_runs, serve

import autotrack
from autotrack.server.launch import Server
from autotrack.store import Store
from autotrack.store.registry.rows import NewVersion
from autotrack.store.registry.versions import create_version

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]

pytestmark = CLOSES_LATE

STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
FEW = ["/?open={parent}", "/runs/{run}/evaluation"]
ALL = [
    *FEW,
    "/",
    "/runs/{run}",
    "/?group=experiment",
    "/?filter=metrics.x+%3E%3E+1",
    "/?deleted=1",
    "/runs/{run}/charts",
    "/runs/{run}/data",
    "/runs/{run}/files",
    "/runs/{run}/code",
    "/runs/{broken}",
    "/runs/{search}/search",
    "/compare?runs={run},{other}",
    "/models",
    "/models/net",
    "/models/net/1",
    "/models/net/compare?before=1&after=2",
    "/nothing-here",
]
# Each element that the keyboard reaches, focused as by the keyboard: those without a ring of two pixels.
WITHOUT_RING = """() => {
  const usable = (element) => element.tabIndex >= 0 && !element.disabled && element.checkVisibility()
    && !element.closest("dialog:not([open])") && !element.parentElement.closest("details:not([open]) > :not(summary)");
  const kinds = "a[href], button, input, select, textarea, summary, [tabindex]";
  const all = [...document.querySelectorAll(kinds)].filter(usable);
  const bare = (element) => {
    element.focus({ focusVisible: true });
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    return document.activeElement === element && (outlineStyle === "none" || parseFloat(outlineWidth) < 2);
  };
  return { reached: all.length, bare: all.filter(bare).map((element) => element.outerHTML.slice(0, 120)) };
}"""
# What scripts paint on canvases has no styles to look at: the colours it is painted with, against what is under it.
CONTRASTS = """() => {
  const style = getComputedStyle(document.documentElement);
  const channel = (value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const light = (name) => {
    const hex = style.getPropertyValue(name).trim().slice(1);
    const [r, g, b] = [0, 2, 4].map((at) => channel(parseInt(hex.slice(at, at + 2), 16) / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const found = {};
  const lines = Array.from({ length: 8 }, (_, at) => `--c${at}`);
  for (const name of ["--muted", "--text", "--bad", "--warn", "--accent", ...lines])
    found[name] = Math.min(...["--page", "--panel", "--raised"].map((under) => ratio(name, under)));
  return found;
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve runs with all that pages show: curves, evaluations, files, notes, an error, candidates, versions."""
    home = record_runs(tmp_path_factory.mktemp("accessible") / "home")
    autotrack.enable(to=[str(home)], only=[], log_system_metrics=False, capture=[])
    try:
        with autotrack.start_run(name="search", tags={"team": "x"}) as run:
            autotrack.log_table({"param_C": range(40), "mean_test_score": range(40)}, "cv_results.csv")
            autotrack.log_dict({f"f{at}": 1 / (at + 1) for at in range(9)}, "feature_importance.json")
            for step in range(9):
                autotrack.log_metric("loss", float("inf") if step == 4 else 1 / (step + 1), step=step)
        autotrack.flush()
    finally:
        autotrack.disable()
    with Store.open(home) as store:
        for stage in ("Production", "Staging"):
            new = NewVersion(source=f"runs:/{run.id}/model", run_id=run.id, description=f"Is *{stage}*")
            create_version(store, "net", new, user="somebody", create=True)
    yield from serve(home)


@pytest.fixture(scope="module")
def ids(server: Server) -> dict[str, str]:
    names = {"run": "run-0", "other": "run-1", "broken": "broken", "search": "search", "parent": "parent"}
    with Store.open(server.place.home, create=False) as store:
        return {key: store.find_run(name).id for key, name in names.items()}


def axe_source() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def open_in(browser: Browser, server: Server, theme: Any, **window: int) -> Page:
    context = browser.new_context(color_scheme=theme, viewport={"width": 1280, "height": 800, **window})  # type: ignore[typeddict-item]
    page = context.new_page()
    page.goto(server.entrance())
    return page


def settle(page: Page, address: str) -> None:
    """Open a page and wait until its charts are painted."""
    page.goto(address)
    ready(page)
    if page.locator(".charts[data-charts]").count():
        page.locator(".charts[data-loaded]").first.wait_for()


def problems(page: Page) -> list[str]:
    found = page.evaluate("standard => axe.run({ exclude: [['iframe']] }, { runOnly: standard })", STANDARD)
    return [f"{one['id']}: {node['html'][:160]}" for one in found["violations"] for node in one["nodes"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("paths", [FEW, pytest.param(ALL, marks=pytest.mark.slow)], ids=["few", "all"])
def test_axe_finds_nothing(browser: Browser, server: Server, ids: dict[str, str], theme: str, paths: list[str]) -> None:
    page, source = open_in(browser, server, theme), axe_source()
    for path in paths:
        settle(page, server.address + path.format(**ids))
        page.evaluate(source)
        assert not problems(page), path
    page.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_painted_can_be_told_from_its_ground(browser: Browser, server: Server, theme: str) -> None:
    page = open_in(browser, server, theme)
    for name, ratio in page.evaluate(CONTRASTS).items():
        is_text = not name.startswith("--c")
        assert ratio >= (4.5 if is_text else 3), f"{name} has a contrast of {ratio:.2f}"
    page.context.close()


def test_dialogs_and_menus_pass_too(browser: Browser, server: Server, ids: dict[str, str]) -> None:
    page = open_in(browser, server, "dark")
    settle(page, server.address)
    page.evaluate(axe_source())
    for key, dialog in (("?", "#help"), ("o", "#columns"), ("Control+k", "#palette")):
        page.keyboard.press(key)
        page.locator(dialog).wait_for()
        page.locator(f"{dialog} li, {dialog} dt").first.wait_for()
        assert not problems(page), dialog
        page.keyboard.press("Escape")
        page.locator(dialog).wait_for(state="hidden")  # keys are for the dialog as long as it is open
    page.locator("[data-pick]").first.check()
    assert not problems(page), "the bar of actions"
    page.context.close()


@pytest.mark.parametrize("paths", [FEW[:1], pytest.param(ALL, marks=pytest.mark.slow)], ids=["few", "all"])
def test_focus_is_seen_on_all_that_the_keyboard_reaches(
    browser: Browser, server: Server, ids: dict[str, str], paths: list[str]
) -> None:
    page = open_in(browser, server, "light")
    for path in paths:
        settle(page, server.address + path.format(**ids))
        found = page.evaluate(WITHOUT_RING)
        assert found["reached"] > 3, path
        assert not found["bare"], path
    page.context.close()


@pytest.mark.parametrize("paths", [FEW, pytest.param(ALL, marks=pytest.mark.slow)], ids=["few", "all"])
def test_no_page_is_wider_than_a_phone(browser: Browser, server: Server, ids: dict[str, str], paths: list[str]) -> None:
    page = open_in(browser, server, "light", width=390, height=844)
    for path in paths:
        settle(page, server.address + path.format(**ids))
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    page.context.close()
