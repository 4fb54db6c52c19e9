"""What a person does on the pages, in Chromium: open, filter, sort, select, compare, zoom, read, edit, and go back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ui_browser import CLOSES_LATE, Watch, browser, open_page, ready
from ui_payloads import PAYLOADS, PLAIN
from ui_server import Client, record_runs, serve

import autotrack
from autotrack.server.launch import Server
from autotrack.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]

pytestmark = CLOSES_LATE


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from serve(record_runs(tmp_path_factory.mktemp("shared") / "home"))


@pytest.fixture
def page(browser: Browser, shared: Server) -> Iterator[Page]:
    yield from open_page(browser, shared)


def names(page: Page) -> list[str]:
    return page.locator("tr[data-run] a.run").all_inner_texts()


def run_id(server: Server, name: str) -> str:
    with Store.open(server.place.home, create=False) as store:
        return store.find_run(name).id


def test_opens_on_a_clean_address_with_all_runs(page: Page) -> None:
    assert page.url.endswith("/")
    assert names(page) == ["broken", "parent", "run-2", "run-1", "run-0"]
    assert page.locator("td.spark canvas").count() == 5
    assert "autotrack_" not in page.evaluate("document.cookie")


def test_filters_with_completion_and_an_error_under_the_caret(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("p.l")
    page.locator("#filter-options li", has_text="params.lr").wait_for()
    page.keyboard.press("Tab")
    assert page.input_value("#filter-text") == "params.layers " or page.input_value("#filter-text") == "params.lr "
    page.fill("#filter-text", "params.lr << 1")
    page.locator("#filter-problem", has_text="expected a number").wait_for()
    page.fill("#filter-text", "params.lr < 0.05")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("filter=params.lr"))
    page.locator(".summary", has_text="2 runs").wait_for()
    assert names(page) == ["run-2", "run-1"]
    page.reload()
    ready(page)
    assert names(page) == ["run-2", "run-1"]
    page.go_back()
    page.locator(".summary", has_text="5 runs").wait_for()


def test_sorts_and_goes_back(page: Page) -> None:
    head = page.get_by_role("columnheader", name="val_accuracy", exact=True).last
    head.get_by_role("link").click()
    page.wait_for_url(re.compile("sort="))
    page.locator("th[aria-sort=descending]").wait_for()
    assert names(page)[:3] == ["run-0", "run-1", "run-2"]
    page.get_by_role("columnheader", name="val_accuracy").last.get_by_role("link").click()
    page.locator("th[aria-sort=ascending]").wait_for()
    assert names(page)[:3] == ["run-2", "run-1", "run-0"]


def test_chooses_columns(page: Page) -> None:
    page.keyboard.press("o")
    dialog = page.locator("#columns")
    dialog.get_by_label("Find a column").fill("layers")
    dialog.get_by_text("params.layers").click()
    dialog.get_by_role("button", name="Apply").click()
    page.get_by_role("columnheader", name="layers").wait_for()
    assert "columns=" in page.url


def test_groups_and_opens_a_group(page: Page) -> None:
    page.get_by_role("button", name="Group").click()
    page.locator("#columns").get_by_label("Find a column").fill("experiment")
    page.locator("#columns").get_by_text("experiment", exact=True).click()
    page.locator("#columns").get_by_role("button", name="Apply").click()
    page.locator(".summary", has_text="2 groups").wait_for()
    page.locator(".runs-table").get_by_role("link", name="first").click()
    page.locator(".summary", has_text="3 runs").wait_for()


def test_shows_child_runs_below_their_parent(page: Page) -> None:
    page.locator("tr", has_text="parent").locator("a.twist").click()
    page.locator("tr.child", has_text="child").wait_for()
    page.locator("tr", has_text="parent").locator("a.twist").click()
    page.locator("tr.child").wait_for(state="detached")


def test_walks_selects_and_compares_with_the_keyboard(page: Page) -> None:
    for key in ("j", "j", "j", "x", "j", "x"):
        page.keyboard.press(key)
    page.locator("#actions", has_text="2 selected").wait_for()
    page.keyboard.press("c")
    page.wait_for_url(re.compile("/compare"))
    ready(page)
    assert page.get_by_role("heading", level=1).inner_text() == "2 runs compared"
    lines = page.locator(".card.lines").first
    assert lines.locator("tr.differs:visible").count() == 1
    assert lines.locator("tr.same:visible").count() == 0
    page.get_by_label("only differences").uncheck()
    assert lines.locator("tr.same:visible").count() == 2
    page.locator(".charts[data-loaded='2']").wait_for()
    assert page.locator(".legend", has_text="ROC").count() == 0
    assert page.locator("figure", has_text="ROC curve").get_by_role("button").count() == 2
    assert page.locator(".matrix-figure").count() >= 2
    page.get_by_role("link", name="as baseline").click()
    page.wait_for_url(re.compile("baseline="))


def test_help(page: Page) -> None:
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#help").is_visible()


def test_charts_zoom_smooth_and_change_their_axis(page: Page, shared: Server) -> None:
    page.goto(f"{shared.address}/runs/{run_id(shared, 'run-0')}/charts")
    page.locator(".charts[data-loaded='2']").wait_for()
    before = [canvas.screenshot() for canvas in page.locator(".chart canvas").all()]
    box = page.locator(".chart canvas").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 150, box["y"] + 60)
    page.locator(".tip:visible", has_text="step").wait_for()
    page.mouse.down()
    page.mouse.move(box["x"] + 250, box["y"] + 60, steps=4)
    page.mouse.up()
    page.mouse.move(5, 5)
    page.wait_for_timeout(400)
    after = [canvas.screenshot() for canvas in page.locator(".chart canvas").all()]
    assert all(one != other for one, other in zip(before, after, strict=True)), "both charts zoom together"
    page.get_by_role("button", name="Reset zoom").click()
    page.wait_for_timeout(400)
    assert [canvas.screenshot() for canvas in page.locator(".chart canvas").all()] == before
    page.get_by_label("smoothing").fill("0.9")
    page.get_by_label("log y").check()
    page.locator("[data-tool=axis]").select_option("relative")
    assert "smoothing=0.9" in page.url
    assert "log=1" in page.url
    page.reload()
    ready(page)
    assert page.get_by_label("log y").is_checked()


def test_confusion_matrix_and_threshold_are_read(page: Page, shared: Server) -> None:
    run = run_id(shared, "run-0")
    page.goto(f"{shared.address}/runs/{run}/evaluation")
    matrix = page.locator(".matrix")
    with Store.open(shared.place.home, create=False) as store:
        report = autotrack.evaluation.Evaluation.from_dict(store.evaluations(run)[0].report)
    assert report.matrix is not None
    counts = [str(count) for count in report.matrix.to_dense().ravel().tolist()]
    assert matrix.locator("td").all_inner_texts() == counts
    page.get_by_label("Normalise").select_option("by true class")
    assert all(text.endswith("%") or text == "0" for text in matrix.locator("td").all_inner_texts())
    slider = page.get_by_label("Threshold")
    slider.fill("0")
    recall = page.locator("[data-value=recall] b")
    assert recall.inner_text() in {"0", "0.0000"}
    slider.fill(str(slider.get_attribute("max")))
    assert recall.inner_text() in {"1", "1.0000"}


def test_matrix_of_many_classes_is_a_picture_to_point_at(browser: Browser, tmp_path: Path) -> None:
    labels = [f"class {number:03}" for number in range(300)]
    autotrack.enable(to=[str(tmp_path / "home")], only=[], log_system_metrics=False, capture=[])
    try:
        with autotrack.start_run(name="many") as run:
            autotrack.evaluate(labels * 3, labels * 2 + labels[1:] + labels[:1], split="test")
        autotrack.flush()
    finally:
        autotrack.disable()
    for server in serve(tmp_path / "home"):
        for page in open_page(browser, server):
            page.goto(f"{server.address}/runs/{run.id}/evaluation")
            picture = page.locator("canvas.matrix-big")
            box = picture.bounding_box()
            assert box is not None
            assert box["width"] > 300
            picture.hover(position={"x": box["width"] / 2, "y": box["height"] / 2})
            page.get_by_text(re.compile(r"true class 1[45]\d, predicted class 1[45]\d: [012]$")).wait_for()
            assert page.locator(".pairs-list tbody tr").count() == 25


def test_files_are_previewed_and_their_scripts_do_not_run(page: Page, shared: Server) -> None:
    page.goto(f"{shared.address}/runs/{run_id(shared, 'run-0')}/files")
    page.get_by_role("link", name="notes.txt").click()
    assert page.locator(".preview pre").inner_text().strip() == "plain text"
    page.get_by_role("link", name="table.csv").click()
    page.locator(".preview td").first.wait_for()
    assert page.locator(".preview td").all_inner_texts() == ["1", "x", "2", "<i>y</i>"]


def test_html_of_a_run_is_boxed_in(browser: Browser, shared: Server) -> None:
    """The frame's scripts are blocked, which Chromium reports; nothing else may happen."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(shared.entrance())
    page.goto(f"{shared.address}/runs/{run_id(shared, 'run-0')}/files")
    page.get_by_role("link", name="page.html").click()
    frame = page.frame_locator("iframe.artifact")
    assert frame.get_by_role("heading").inner_text() == "hello"
    assert "owned" not in page.title()
    context.close()


def test_theme_changes_and_stays(page: Page) -> None:
    colors = []
    for _ in range(2):
        colors.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.get_by_label("Change between light and dark").click()
    assert colors[0] != colors[1]
    page.get_by_label("Change between light and dark").click()
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == colors[1]


@pytest.mark.parametrize("width", [390, 1280])
def test_pages_fit_their_window(page: Page, shared: Server, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    run = run_id(shared, "run-0")
    for path in ("/", f"/runs/{run}", f"/runs/{run}/charts", f"/runs/{run}/evaluation", f"/compare?runs={run}"):
        page.goto(shared.address + path)
        ready(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    yield from serve(record_runs(tmp_path / "home"))


def test_renames_tags_deletes_restores_and_undoes(browser: Browser, own: Server) -> None:
    for page in open_page(browser, own):
        page.locator("tr", has_text="run-1").get_by_role("checkbox").check()
        page.get_by_role("button", name="Rename").click()
        page.locator("#ask-name").fill("better <b>")
        page.keyboard.press("Enter")
        page.locator("a.run", has_text="better <b>").wait_for()
        page.get_by_role("button", name="Delete").click()
        page.locator(".summary", has_text="4 runs").wait_for()
        page.get_by_role("button", name="Undo").click()
        page.locator(".summary", has_text="5 runs").wait_for()
        page.locator("tr", has_text="better").get_by_role("checkbox").check()
        page.get_by_role("button", name="Delete").click()
        page.locator(".summary", has_text="4 runs").wait_for()
        page.get_by_role("link", name="Trash").click()
        page.locator("tr", has_text="better").get_by_role("checkbox").check()
        page.get_by_role("button", name="Restore").click()
        page.get_by_text("The trash is empty.").wait_for()


def test_saves_a_view_and_comes_back_to_it(browser: Browser, own: Server) -> None:
    for page in open_page(browser, own):
        page.get_by_role("link", name="first").click()
        page.locator(".summary", has_text="3 runs").wait_for()
        page.get_by_role("button", name="Save view").click()
        page.locator("#ask-name").fill("mine")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="mine").wait_for()
        page.get_by_role("link", name="All runs").click()
        page.locator(".summary", has_text="5 runs").wait_for()
        page.get_by_role("link", name="mine").click()
        page.locator(".summary", has_text="3 runs").wait_for()


def test_new_runs_appear_by_themselves(browser: Browser, own: Server) -> None:
    for page in open_page(browser, own):
        page.wait_for_timeout(300)
        autotrack.enable(to=[str(own.place.home)], only=[], log_system_metrics=False, capture=[])
        try:
            with autotrack.start_run(name="fresh-one") as run:
                autotrack.log_metric("loss", 1.0, step=0)
                autotrack.log_metric("loss", 0.5, step=1)
                page.locator("a.run", has_text="fresh-one").wait_for(timeout=4_000)
                page.goto(f"{own.address}/runs/{run.id}")
                page.locator(".numbers", has_text="0.5").wait_for()
                autotrack.log_metric("loss", 0.25, step=2)
                page.locator(".numbers", has_text="0.25").wait_for(timeout=4_000)
            page.locator(".word.finished").wait_for(timeout=6_000)
        finally:
            autotrack.disable()


def test_report_opens_without_a_server(browser: Browser, shared: Server, tmp_path: Path) -> None:
    client = Client(shared)
    runs = ",".join(run_id(shared, f"run-{number}") for number in range(2))
    for name, path in (("run", f"/runs/{runs[:32]}/report"), ("comparison", f"/compare/report?runs={runs}")):
        file = tmp_path / f"{name}.html"
        file.write_bytes(client.get(path).body)
        context = browser.new_context(offline=True)
        watch = Watch(context, client.port)
        page = context.new_page()
        page.goto(file.as_uri())
        page.locator(".charts[data-loaded='2']").wait_for()
        assert page.locator(".matrix").count() >= 1
        page.locator("figure", has_text="ROC curve").first.wait_for()
        context.close()
        assert not watch.problems, watch.problems


@pytest.mark.parametrize("payloads", [PLAIN, pytest.param(PAYLOADS, marks=pytest.mark.slow)], ids=["few", "all"])
def test_nothing_that_was_logged_runs_on_any_page(browser: Browser, tmp_path: Path, payloads: list[str]) -> None:
    """Payloads in every text there is: names, keys, values, tags, notes, files, labels of classes, columns of data."""
    home = tmp_path / "home"
    ids = plant(home, payloads)
    for server in serve(home):
        for page in open_page(browser, server):
            pages = ["charts", "evaluation", "search", "data", "system", "code", "files"]
            with Store.open(home, create=False) as store:
                files = [f"/runs/{ids[0]}/files/{file}" for file in file_ids(store, ids[0])]
            for path in (
                "/",
                "/?group=tags.team,experiment",
                f"/compare?runs={','.join(ids)}",
                f"/runs/{ids[0]}",
                f"/runs/{ids[2]}",
                *(f"/runs/{ids[0]}/{name}" for name in pages),
                *files,
            ):
                page.goto(server.address + path)
            page.goto(server.address)
            ready(page)
            page.get_by_role("button", name="Columns").click()
            page.locator("#columns li").first.wait_for()
            page.keyboard.press("Escape")
            page.keyboard.press("Control+k")
            page.locator("#palette li", has_text="broken <script>").wait_for()
            page.keyboard.press("Escape")
            page.keyboard.press("/")
            page.locator("#filter-options li").first.wait_for()


def file_ids(store: Store, run: str) -> list[str]:
    from autotrack.server.artifacts import file_id

    return [file_id(file.path) for file in store.artifacts(run) if not file.path.endswith((".html", ".svg"))]


def plant(home: Path, payloads: list[str]) -> list[str]:
    """Record two runs that consist of payloads."""
    autotrack.enable(to=[str(home)], only=[], log_system_metrics=False, capture=[])
    ids = []
    try:
        for turn in range(2):
            with autotrack.start_run(name=payloads[turn], experiment=payloads[turn + 2]) as run:
                ids.append(run.id)
                for number, payload in enumerate(payloads):
                    autotrack.log_param(payload, payload + str(turn))
                    autotrack.log_param(f"nested {number}", {payload: [payload] * 4})
                    for step in range(3):
                        autotrack.log_metric(payload, number + step * turn, step=step)
                    autotrack.set_tag(payload, payload)
                    if number % 5 == 0:
                        autotrack.log_text(payload, f"{number}-{re.sub('[^a-z<>=()]', '', payload)}.txt")
                autotrack.set_tag("team", payloads[3])
                autotrack.set_tag("mlflow.note.content", payloads[1])
                autotrack.log_table({payload: [payload, "1"] for payload in payloads}, "cv_results.csv")
                autotrack.log_dict(dict.fromkeys(payloads, 1.0), "feature_importance.json")
                autotrack.log_dict({"packages": {payload: payload for payload in payloads}}, "environment.json")
                autotrack.log_text("+" + "\n-".join(payloads), "git.diff")
                autotrack.log_dataset({payload: [1, 2] for payload in payloads}, name=payloads[0])
                truth = [payloads[at % 6] for at in range(30)]
                autotrack.evaluate(truth, [payloads[at * 5 % 6] for at in range(30)], split=payloads[4])
        with suppress(ValueError), autotrack.start_run(name="broken <script>alert(1)") as run:
            ids.append(run.id)
            raise ValueError("\n".join(payloads))
        autotrack.flush()
    finally:
        autotrack.disable()
    return ids
