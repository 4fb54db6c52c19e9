"""The models of a run on its page: those that autotrack saved, and those that MLflow clients logged to this store."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ui_browser import CLOSES_LATE, browser, open_page
from ui_server import Client

import autotrack
import autotrack.models
from autotrack.place import find_place
from autotrack.server.launch import Server
from autotrack.server.library import Library
from autotrack.server.mlmodel_text import read_signature
from autotrack.server.run_models import NATIVE, format_of, read_run_models
from autotrack.settings import resolve
from autotrack.store import Store
from autotrack.store.registry.reading import find_version
from autotrack.store.rows import NoteRow
from autotrack.store.tracking.files import MODEL, NewFile, add_files, owner_of
from autotrack.store.tracking.logged_models import ModelMetric, NewModel, create_model, log_metrics

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]

pytestmark = CLOSES_LATE


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Log a model that is safe and one that is not, and then one as an MLflow client does."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    home = tmp_path_factory.mktemp("models") / "home"
    features = np.random.default_rng(0).normal(size=(40, 3))
    autotrack.enable(to=[str(home)], only=["sklearn"], log_system_metrics=False, capture=[])
    try:
        with autotrack.start_run(name="trained"):
            model = LogisticRegression().fit(features, features[:, 0] > 0)
            autotrack.models.log(model, "by hand", inputs=features)
        autotrack.flush()
    finally:
        autotrack.disable()
    return home


@pytest.fixture(scope="module")
def run_id(home: Path) -> str:
    with Store.open(home, create=False) as store:
        return store.find_run("trained").id


@pytest.fixture(scope="module")
def library(home: Path) -> Iterator[Library]:
    library = Library(find_place(resolve(to=[str(home)]).settings))
    yield library
    library.close()


MLMODEL = """\
"flavors":
  python_function:
    loader_module: mlflow.pytorch
  pytorch:
    code: null
mlflow_version: 3.17.2
signature:
  inputs: '[{"type": "double", "name": "width of the <b>widest</b> leaf", "required":
    true}, {"type": "long", "name": "it''s", "required": false}]'
  outputs: "[{\\"type\\": \\"tensor\\", \\"tensor-spec\\": {\\"dtype\\": \\"float64\\", \\"shape\\"\\
    : [-1]}}]"
  params: null
"""


@pytest.fixture(scope="module")
def logged(home: Path, run_id: str) -> str:
    """Note a model as MLflow's protocol does; return its id."""
    with Store.open(home) as store, store.writing() as connection:
        new = NewModel(experiment_id=1, name="net <b>", kind="pytorch", run_uid=run_id, artifact_location=None)
        model = create_model(connection, new, "LOGGED_MODEL_READY")
        add_files(connection, [NewFile(owner_of(connection, MODEL, model.uid), "MLmodel", len(MLMODEL), "ab" * 32)])
        log_metrics(connection, [(model.uid, ModelMetric(key="acc", value=0.5, time=1, step=0, run_uid=run_id))])
    folder = home / "artifacts" / "models" / model.uid
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text(MLMODEL)
    return model.uid


def test_each_model_says_what_it_is_and_how_to_load_it(
    home: Path, library: Library, client: Client, run_id: str, logged: str
) -> None:
    with Store.open(home, create=False) as store:
        hashes = [file.sha256 for file in store.artifacts(run_id) if file.path.startswith("model/")]
    models = {model.title: model for model in read_run_models(library, run_id)}
    own, by_hand, of_client = (models[title] for title in ("model", "by hand", "net <b>"))
    page = html.unescape(client.get(f"/runs/{run_id}/data").text)
    assert (own.trust, "trust=True" in own.snippets[0][1]) == (True, True)
    assert own.format.startswith("pickle, because")
    assert hashes
    assert all(digest in page for digest in hashes if digest)
    assert (of_client.model_id, of_client.size, of_client.kinds) == (
        logged,
        len(MLMODEL),
        ["pytorch", "python_function"],
    )
    assert of_client.signature == [
        ("inputs", [("width of the <b>widest</b> leaf", "double"), ("it's", "long?")]),
        ("outputs", [("0", "float64 (-1)")]),
    ]
    assert ("metric acc", "0.5") in of_client.facts
    assert f'mlflow.pyfunc.load_model("models:/{logged}")' in page
    assert f'mlflow.pytorch.load_model("models:/{logged}")' in page
    assert f"mlflow models serve -m models:/{logged}" in page
    assert by_hand.signature
    assert "<b>net <b></b>" not in client.get(f"/runs/{run_id}/data").text


def test_files_of_a_clients_model_are_downloads(
    home: Path, library: Library, client: Client, run_id: str, logged: str
) -> None:
    [file] = next(model.files for model in read_run_models(library, run_id) if model.model_id == logged)
    answer = client.get(file.link)
    assert (answer.status, answer.text) == (200, MLMODEL)
    assert answer.headers["content-disposition"] == 'attachment; filename="MLmodel"'
    assert answer.headers["content-type"] == "application/octet-stream"
    other = f"m-{'0' * 32}"
    for link in (file.link.replace(logged, other), file.link[:-1] + "g", file.link.replace(run_id, "0" * 32)):
        assert client.get(link).status == 404
    secret = home / "artifacts" / "secret"
    secret.write_text("secret")
    place = home / "artifacts" / "models" / logged / "MLmodel"
    place.unlink()
    place.symlink_to(secret)
    assert client.get(file.link).status == 503
    assert client.get(f"/runs/{run_id}/data").status == 200
    place.unlink()
    place.write_text(MLMODEL)


def test_mlmodel_files_of_mlflow_are_read_as_yaml_reads_them() -> None:
    yaml = pytest.importorskip("yaml")
    names = ["x", "größe", 'it\'s "quoted" ' * 9, "back\\slash", "two  spaces", "a: b # c", "tab\there"]
    for name in names:
        for plain in (True, False):
            inputs = json.dumps([{"name": name, "type": "double"}], ensure_ascii=plain)
            for unicode_too in (True, False):
                text = yaml.safe_dump({"flavors": {"a": 1}, "signature": {"inputs": inputs}}, allow_unicode=unicode_too)
                found = read_signature(text)
                assert found is not None, text
                assert json.loads(found["inputs"]) == json.loads(inputs), text
    for broken in ("", "signature:", "signature:\n  inputs: '[", 'signature:\n  inputs: "\\q"\n', "signature: null\n"):
        assert not (read_signature(broken) or {}).get("inputs")


def test_the_code_on_the_page_loads_the_model(
    library: Library, home: Path, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTRACK_STORE", str(home))
    models = [model for model in read_run_models(library, run_id) if model.title in {"model", "by hand"}]
    assert len(models) == 2
    for model in models:
        names: dict[str, object] = {"data": [[0.1, 0.2, 0.3]]}
        exec(dict(model.snippets)["Load it"], names)
        assert type(names["model"]).__name__ == "LogisticRegression"


def test_a_model_of_a_client_is_registered(home: Path, client: Client, logged: str, run_id: str) -> None:
    answer = client.post("/api/models", {"action": "register", "model": "nets", "text": logged})
    assert answer.json() == {"model": "nets", "version": 1}
    with Store.open(home, create=False) as store:
        version = find_version(store, "nets", version=1)
    assert (version.source, version.run_id, version.logged_model) == (f"models:/{logged}", run_id, logged)
    assert "nets version 1" in client.get(f"/runs/{run_id}/data").text
    assert client.post("/api/models", {"action": "register", "model": "nets", "text": "m-" + "0" * 32}).status == 404


def test_formats_are_read_from_notes() -> None:
    notes = [
        NoteRow("model.format", "info", "net: pickle, because it is; load it with trust=True", 0),
        NoteRow("model.format", "info", "net two: skops, because it holds no code", 0),
        NoteRow("other", "info", "third: pickle", 0),
    ]
    assert format_of("net", notes) == ("pickle, because it is", True)
    assert format_of("net two", notes) == ("skops, because it holds no code", False)
    assert format_of("third", notes) == (NATIVE, False)


def test_code_is_copied_and_a_model_registered(browser: Browser, server: Server, home: Path, run_id: str) -> None:
    for page in open_page(browser, server, permissions=["clipboard-read", "clipboard-write"]):
        page.goto(f"{server.address}/runs/{run_id}/data")
        card = page.locator(".card.model", has_text="Model by hand")
        card.get_by_role("button", name="Copy").first.click()
        card.get_by_role("button", name="Copied").wait_for()
        assert json.dumps(f"runs:/{run_id}/by hand") in page.evaluate("navigator.clipboard.readText()")
        card.get_by_role("button", name="Register").click()
        page.get_by_label("As the next version of").fill("picked")
        page.locator("#ask").get_by_role("button", name="Register").click()
        page.wait_for_url("**/models/picked/1")
        page.goto(f"{server.address}/runs/{run_id}/data")
        card.get_by_role("link", name="picked version 1").wait_for()
    with Store.open(home, create=False) as store:
        assert find_version(store, "picked", version=1).source == f"runs:/{run_id}/by hand"
