"""The pages of the registry: what they show, what can be changed there, and that nothing written there can act."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest
from markupsafe import Markup
from ui_browser import CLOSES_LATE, browser, open_page, ready
from ui_payloads import FEW, PAYLOADS
from ui_server import Client, serve

import autotrack
import autotrack.models
from autotrack.history import History
from autotrack.models import registry
from autotrack.place import find_place
from autotrack.server.launch import Server
from autotrack.server.markdown import first_line, to_html
from autotrack.server.snippets import curl_snippet
from autotrack.settings import resolve
from autotrack.store.registry.rows import DataUse, Lineage, NewVersion
from autotrack.store.registry.versions import create_version

__all__ = ["browser"]

pytestmark = CLOSES_LATE

NAME = "churn & <co>?"
PATH = f"/models/{quote(NAME, safe='')}"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train two models; return the directory of their store."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    home = tmp_path_factory.mktemp("registry") / "home"
    generator = np.random.default_rng(0)
    features = generator.normal(size=(40, 3))
    autotrack.enable(to=[str(home)], only=["sklearn"], log_system_metrics=False)
    try:
        for strength in (0.1, 10.0):
            LogisticRegression(C=strength).fit(features, features[:, 0] > 0)
        autotrack.flush()
    finally:
        autotrack.disable()
    return home


@pytest.fixture
def history(trained: Path) -> Iterator[History]:
    history = History(find_place(resolve(to=[str(trained)]).settings))
    yield history
    for model in registry.search_models(history=history):
        registry.delete(model.name, history=history)
    history.close()


@pytest.fixture
def runs(history: History) -> list[str]:
    return [run.id for run in history.search(order_by="start_time")]


@pytest.fixture
def registered(history: History, runs: list[str]) -> None:
    """Register both models, the second in production as champion."""
    for run in runs:
        registry.register(run, NAME, description="# About\n*good*", history=history)
    registry.transition(NAME, 2, "Production", history=history)
    registry.set_alias(NAME, "champion", 2, history=history)
    registry.annotate(NAME, "Who leaves?\n\n| a | b |\n|---|---|\n| 1 | 2 |", history=history)


@pytest.fixture(scope="module")
def server(trained: Path) -> Iterator[Server]:
    yield from serve(trained)


@pytest.fixture
def client(server: Server) -> Client:
    return Client(server)


def test_pages_of_an_empty_registry(client: Client, runs: list[str]) -> None:
    assert "No models are registered yet" in client.get("/models").text
    for path in ("/models/none", "/models/none/1", "/models/none/x", "/models/none/compare?before=1&after=2"):
        assert client.get(path).status == 404
    assert ">Register</button>" in client.get(f"/runs/{runs[0]}/data").text


@pytest.mark.usefixtures("registered")
def test_what_the_pages_say(client: Client, runs: list[str]) -> None:
    models = client.get("/models").text
    assert "churn &amp; &lt;co&gt;?" in models
    assert f'href="{PATH}/2"' in models
    model = client.get(PATH).text
    assert "<td>1</td>" in model
    assert "training_accuracy_score" in model
    version = client.get(f"{PATH}/2").text
    assert "<h1>About</h1>" in version
    assert f'<a href="/runs/{runs[1]}">' in version
    assert "models:/churn &amp; &lt;co&gt;?@champion" in version
    assert re.search(r"tensor|float64", version)
    compared = client.get(f"{PATH}/compare?before=1&after=2").text
    assert re.search(r'differs"><th scope="row" title="C">C</th><td>0.1</td><td>10</td>', compared)
    data = client.get(f"/runs/{runs[1]}/data").text
    assert re.search(rf'<a href="{re.escape(PATH)}/2">churn &amp; &lt;co&gt;\? version 2</a>', data)
    assert client.get(f"{PATH}/3").status == 404
    assert client.get(f"{PATH}/compare?before=1&after=9").status == 404


@pytest.mark.usefixtures("registered")
def test_the_request_on_the_page_fits_the_model(history: History, runs: list[str]) -> None:
    version = registry.find_version(NAME, alias="champion", history=history)
    words = shlex.split(curl_snippet(version.uri, version.signature, trust=True))
    assert words[:4] == ["autotrack", "models", "serve", f"models:/{NAME}/2"]
    predictor = autotrack.models.load_predictor(history.get(runs[1]).download("model"), trust=True)
    assert len(predictor.predict(json.loads(words[-1])["inputs"])) == 1
    named = json.dumps([{"name": "it's", "type": "long"}, {"name": "b", "type": "string"}])
    request = curl_snippet(version.uri, {"inputs": named}, trust=False)
    assert json.loads(shlex.split(request)[-1]) == {
        "dataframe_split": {"columns": ["it's", "b"], "data": [[1, "text"]]}
    }


def test_many_versions_come_in_pages(client: Client, history: History) -> None:
    with history.writing() as store:
        for _ in range(102):
            create_version(store, "many", NewVersion(source="/x"), create=True)
    first, second = (client.get(f"/models/many?page={number}").text for number in (1, 2))
    assert (first.count("<tr data-version"), second.count("<tr data-version")) == (100, 2)
    assert "page 2 of 2" in second
    assert "no versions on this page" in client.get("/models/many?page=9").text
    assert client.get("/models/many?page=x").status == 404


@pytest.mark.usefixtures("registered")
def test_filters(client: Client) -> None:
    assert "1 model<" in client.get("/models?filter=alias%20%3D%20%22champion%22").text
    assert "No model matches" in client.get("/models?filter=name%20%3D%20%22x%22").text
    assert "no metrics here" in client.get("/models?filter=metrics.x%20%3E%201").text


@pytest.mark.usefixtures("registered")
def test_changes(client: Client, history: History, runs: list[str]) -> None:
    def post(action: str, **fields: object) -> int:
        return client.post("/api/models", {"action": action, "model": NAME, **fields}).status

    assert post("alias", version=1, key="old") == 200
    assert post("alias", key="champion") == 200
    assert registry.get(NAME, history=history).aliases == {"old": 1}
    assert post("stage", version=1, text="production", archive=True) == 200
    assert [one.stage for one in registry.versions(NAME, history=history)] == ["Archived", "Production"]
    assert post("describe", version=1, text="*new*") == 200
    assert post("tag", key="team", text="risk") == 200
    assert post("tag", version=1, key="team", text="x") == 200
    assert registry.find_version(NAME, version=1, history=history).tags == {"team": "x"}
    assert client.post("/api/models", {"action": "register", "model": NAME, "run": runs[0]}).json()["version"] == 3
    assert post("delete", version=3) == 200
    assert post("rename", text="attrition") == 200
    assert registry.get("attrition", history=history).tags == {"team": "risk"}
    assert client.post("/api/models", {"action": "delete", "model": "attrition"}).status == 200
    assert registry.search_models(history=history) == []


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("edit", "status"),
    [
        ({"action": "alias", "version": 1, "key": "a b"}, 400),
        ({"action": "alias", "version": 9, "key": "a"}, 404),
        ({"action": "alias", "version": 0, "key": "a"}, 400),
        ({"action": "stage", "version": 1, "text": "<script>"}, 400),
        ({"action": "stage", "text": "Staging"}, 400),
        ({"action": "rename", "text": "a/b"}, 400),
        ({"action": "register", "run": "../../etc"}, 404),
        ({"action": "register", "run": "f" * 32}, 404),
        ({"action": "register", "run": None}, 404),
        ({"action": "explode"}, 400),
        ({"action": "tag", "key": "", "text": "x"}, 400),
        ({"action": "delete", "model": "<script>"}, 404),
    ],
)
def test_changes_that_cannot_be_made(client: Client, edit: dict[str, object], status: int) -> None:
    reply = client.post("/api/models", {"model": NAME, **edit})
    assert reply.status == status
    assert "<script>" not in reply.text


def test_other_sites_change_nothing(client: Client, history: History, runs: list[str]) -> None:
    edit = {"action": "register", "model": "x", "run": runs[0]}
    for headers in ({"origin": "https://evil.example"}, {"sec_fetch_site": "cross-site"}, {"origin": "null"}):
        assert client.post("/api/models", edit, **headers).status == 403
    assert client.post("/api/models", edit, content_type="text/plain", **{"content-type": "text/plain"}).status == 415
    assert client.get("/api/models").status == 405
    assert registry.search_models(history=history) == []


@pytest.mark.parametrize("payload", PAYLOADS)
def test_markdown_makes_nothing_that_acts(payload: str) -> None:
    for text in (payload, f"[x]({payload})", f"![x]({payload})", f"`{payload}`", f"<{payload}>", f"# {payload}"):
        html = to_html(text)
        assert isinstance(html, Markup)
        for tag, attributes in elements(html):
            assert tag in MARKDOWN, html
            assert set(attributes) <= {"href", "align", "class", "title"}, html
            assert scheme(attributes.get("href", "")) in {"", "http", "https", "mailto"}, html


MARKDOWN = {
    *[
        "p",
        "h1",
        "em",
        "strong",
        "code",
        "pre",
        "a",
        "ul",
        "ol",
        "li",
        "blockquote",
        "hr",
        "br",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    ]
}


def elements(html: str) -> list[tuple[str, dict[str, str]]]:
    """Return the elements that a browser finds in a text, with their attributes."""
    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, {name: value or "" for name, value in attrs}))

    reader = Reader()
    reader.feed(html)
    reader.close()
    return found


def scheme(address: str) -> str:
    """Return the scheme that a browser finds in an address: it leaves tabs, line ends and leading spaces out."""
    plain = re.sub(r"[\t\r\n]", "", address).lstrip("".join(map(chr, range(33))))
    match = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*):", plain)
    return match[1].lower() if match else ""


def test_first_lines() -> None:
    assert first_line("\n\n# **Good** one\nmore") == "Good** one"
    assert first_line("x" * 200, 10) == "x" * 9 + "…"
    assert first_line("") == ""


def test_a_person_registers_promotes_and_compares(
    browser: object, server: Server, history: History, runs: list[str]
) -> None:
    for page in open_page(browser, server):
        for number, run in enumerate(runs):
            page.goto(f"{server.address}/runs/{run}/data")
            ready(page)
            page.get_by_role("button", name="Register").click()
            page.locator("#ask-model").fill(NAME)
            page.keyboard.press("Enter")
            page.get_by_role("heading", name=f"Version {number + 1}").wait_for()
            ready(page)
        page.get_by_label("Stage").select_option("Production")
        page.get_by_role("button", name="Move").click()
        page.locator("#facts .stage.production").wait_for()
        ready(page)
        page.get_by_role("button", name="Add an alias").click()
        page.locator("#ask-key").fill("champion")
        page.keyboard.press("Enter")
        page.locator("#facts .chip", has_text="@champion").wait_for()
        ready(page)
        page.locator("section", has_text="About this version").get_by_role("button", name="Edit").click()
        page.locator("#ask-text").fill("**better** <img src=x onerror=alert(1)> [x](javascript:alert(1))")
        page.get_by_role("button", name="Save").click()
        page.locator(".markdown strong", has_text="better").wait_for()
        assert page.locator(".markdown img, .markdown a").count() == 0
        page.get_by_role("link", name=NAME).click()
        ready(page)
        assert page.locator("tr[data-version]").count() == 2
        assert page.locator("tr[data-version='2'] .stage").inner_text() == "Production"
        page.get_by_role("button", name="Compare the two").click()
        ready(page)
        params = page.get_by_role("table", name="Params")
        assert params.locator("tr.differs:visible").all_inner_texts() == ["C\t0.1\t10\t+9.9"]
        page.get_by_label("only differences").uncheck()
        assert params.locator("tr.same:visible").count() > 5
        page.get_by_role("heading", level=1).click()
        page.keyboard.press("g")
        page.keyboard.press("m")
        page.locator("tr[data-model]", has_text="@champion").wait_for()
        ready(page)
        page.fill("#filter-text", "alias = 'nobody'")
        page.keyboard.press("Enter")
        page.get_by_text("No model matches").wait_for()
    assert registry.find_version(NAME, alias="champion", history=history).version == 2


@pytest.mark.usefixtures("registered")
def test_takes_an_alias_away_and_deletes(browser: object, server: Server, history: History) -> None:
    for page in open_page(browser, server):
        page.goto(f"{server.address}{PATH}/2")
        ready(page)
        page.get_by_role("button", name="Take the alias champion away").click()
        page.locator("#facts .chip").wait_for(state="detached")
        ready(page)
        page.get_by_role("button", name="Undo").click()
        page.locator("#facts .chip", has_text="@champion").wait_for()
        ready(page)
        page.get_by_role("button", name="Delete").click()
        page.locator("#ask-name").fill("something else")
        page.keyboard.press("Enter")
        page.get_by_text("Not done").wait_for()
        page.get_by_role("button", name="Delete").first.click()
        page.locator("#ask-name").fill(NAME)
        page.keyboard.press("Enter")
        page.locator("tr[data-version]").wait_for()
        assert page.locator("tr[data-version]").count() == 1
    assert [one.version for one in registry.versions(NAME, history=history)] == [1]


def test_nothing_that_was_written_acts(browser: object, server: Server, history: History, runs: list[str]) -> None:
    names = [payload for payload in FEW if not set(payload) & set("/:")]
    columns = json.dumps([{"name": payload, "type": payload} for payload in FEW])
    with history.writing() as store:
        for name in names:
            uses = tuple(DataUse(payload, payload, payload) for payload in FEW)
            lineage = Lineage(name, name, uses, *(name,) * 3, True, name)
            new = NewVersion(source=name, run_id=name, run_link=name, status=name, description=name, lineage=lineage)
            new = msgspec.structs.replace(new, signature={"inputs": columns}, flavors=(name,), tags={name: name})
            for _ in range(2):
                create_version(store, name, new, user=name, create=True)
            registry.annotate(name, "\n\n".join(FEW), history=history)
            registry.set_tag(name, name, name, history=history)
    registry.register(runs[0], names[0], history=history)
    for page in open_page(browser, server):
        page.goto(f"{server.address}/models")
        ready(page)
        assert page.locator("tr[data-model]").count() == len(names)
        for name in names[:4]:
            path = f"{server.address}/models/{quote(name, safe='')}"
            for address in (path, f"{path}/1", f"{path}/compare?before=1&after=2"):
                page.goto(address)
                ready(page)
        page.goto(f"{server.address}/runs/{runs[0]}/data")
        ready(page)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_fit_their_window(browser: object, server: Server, width: int) -> None:
    for page in open_page(browser, server):
        page.set_viewport_size({"width": width, "height": 800})
        for path in ("/models", PATH, f"{PATH}/2", f"{PATH}/compare?before=1&after=2"):
            page.goto(server.address + path)
            ready(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
