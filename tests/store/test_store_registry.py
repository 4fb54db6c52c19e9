"""The registry of models in the store, on SQLite and on PostgreSQL: versions, aliases, stages, search, comparison."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_fixtures import Writer

from autotrack.backends.sql import SqlBackend
from autotrack.errors import FilterError, ModelExistsError, ModelNotFoundError, RegistryError
from autotrack.records import DatasetLogged, EvaluationLogged, ModelLogged, Param, ParamsLogged
from autotrack.store import Store
from autotrack.store.browsing import change_mark
from autotrack.store.registry import models, reading, versions
from autotrack.store.registry.comparison import compare_versions
from autotrack.store.registry.lineage import version_of_run
from autotrack.store.registry.rows import DataUse, ModelVersion, NewVersion
from autotrack.store.registry.rules import checked_alias, checked_name
from autotrack.store.registry.search import search_models, search_versions

PARENT, FIRST, SECOND = ("p" * 32, "a" * 32, "b" * 32)
NAME = "churn, été"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def columns(*pairs: tuple[str, str]) -> str:
    return json.dumps([{"name": name, "type": kind, "required": True} for name, kind in pairs])


@pytest.fixture(autouse=True)
def runs(backend: SqlBackend) -> None:
    """Write a run with two runs below it, each with a model; code is known of the one above only."""
    tags = {"mlflow.source.git.commit": COMMIT, "mlflow.source.git.dirty": "true", "mlflow.source.name": "train.py"}
    backend.write([Writer(PARENT).started(name="search", tags=tags)])
    for number, run_id in enumerate((FIRST, SECOND)):
        writer = Writer(run_id)
        inputs = columns(("age", "long"), *([("city", "string")] if number else []))
        records = [
            writer.started(name=f"fit-{number}", parent_id=PARENT),
            writer.place(ParamsLogged(time=1, params={"C": Param(str(number), "int"), "kind": Param("x", "str")})),
            writer.metrics(test_f1_score=0.8 + number / 10),
            writer.place(DatasetLogged(time=2, name="users", context="train", digest=f"d{number}")),
            writer.place(
                EvaluationLogged(time=3, split="test", task="binary", report={"metrics": {"f1_score": 0.8, "n": None}})
            ),
            writer.place(
                ModelLogged(
                    time=4,
                    name="model",
                    flavors=["sklearn"],
                    model_id=str(number) * 32,
                    signature={"inputs": inputs, "outputs": columns(("y", "long")), "params": None},
                )
            ),
        ]
        backend.write(records)


def add(store: Store, run_id: str = FIRST, name: str = NAME, **fields: Any) -> ModelVersion:
    new = version_of_run(store, run_id, **fields)
    return versions.create_version(store, name, new, user="ann", create=True)


def test_a_version_keeps_where_it_came_from(store: Store) -> None:
    made = add(store, description="the **first**", tags={"approved": "no"})
    assert made == reading.find_version(store, NAME)
    assert (made.name, made.version, made.stage, made.status, made.user) == (NAME, 1, "None", "READY", "ann")
    assert (made.source, made.run_id, made.logged_model) == (f"runs:/{FIRST}/model", FIRST, "0" * 32)
    assert (made.description, made.tags, made.aliases, made.flavors) == (
        "the **first**",
        {"approved": "no"},
        (),
        ("sklearn",),
    )
    assert made.lineage.data == (DataUse("users", "train", "d0"),)
    assert (made.lineage.git_commit, made.lineage.git_dirty, made.lineage.script) == (COMMIT, True, "train.py")
    assert made.created == made.updated > 0
    assert made.uri == f"models:/{NAME}/1"
    store.purge(FIRST)
    assert reading.find_version(store, NAME) == made


def test_versions_are_found_by_number_alias_and_stage(store: Store) -> None:
    for run_id in (FIRST, SECOND, FIRST):
        add(store, run_id)
    versions.set_alias(store, NAME, "champion", 2)
    versions.transition(store, NAME, 1, "production")
    assert [version.version for version in reading.list_versions(store, NAME)] == [3, 2, 1]
    assert reading.find_version(store, NAME).version == 3
    assert reading.find_version(store, NAME, alias="latest").version == 3
    assert reading.find_version(store, NAME, version=2).aliases == ("champion",)
    assert reading.find_version(store, NAME, alias="champion").version == 2
    assert reading.find_version(store, NAME, stage="PRODUCTION").version == 1
    assert [(one.name, one.version) for one in reading.versions_of_run(store, FIRST)] == [(NAME, 1), (NAME, 3)]
    for selector, message in (
        ({"version": 9}, "no version 9; the last was 3"),
        ({"alias": "other"}, r"no alias 'other'; its aliases: champion \(version 2\)"),
        ({"stage": "staging"}, "no version in stage 'Staging'"),
    ):
        with pytest.raises(ModelNotFoundError, match=message):
            reading.find_version(store, NAME, **selector)  # type: ignore[arg-type]
    with pytest.raises(ModelNotFoundError, match="no registered model 'nobody'"):
        reading.find_version(store, "nobody")
    with pytest.raises(RegistryError, match="one of the three"):
        reading.find_version(store, NAME, version=1, alias="champion")


def test_numbers_are_never_given_twice(store: Store) -> None:
    add(store)
    versions.set_alias(store, NAME, "champion", 1)
    versions.delete_version(store, NAME, 1)
    assert add(store).version == 2
    model = reading.get_model(store, NAME)
    assert (model.versions, model.last_version, model.aliases) == (1, 2, {})
    assert [change.kind for change in reading.history(store, NAME, 1)] == ["deleted", "alias", "version"]
    with pytest.raises(ModelNotFoundError):
        versions.delete_version(store, NAME, 1)


def test_an_alias_stands_for_one_version(store: Store) -> None:
    add(store)
    add(store)
    for number in (1, 2):
        versions.set_alias(store, NAME, "champion", number, user="bob")
    versions.set_alias(store, NAME, "old", 1)
    model = reading.get_model(store, NAME)
    assert model.aliases == {"champion": 2, "old": 1}
    with pytest.raises(ModelNotFoundError):
        versions.set_alias(store, NAME, "champion", 3)
    assert reading.get_model(store, NAME).updated == model.updated
    versions.delete_alias(store, NAME, "champion", user="eve")
    versions.delete_alias(store, NAME, "champion")
    moves = [(one.version, one.before, one.after, one.user) for one in reading.history(store, NAME) if one.key]
    assert moves == [(2, "2", None, "eve"), (1, None, "1", None), (2, "1", "2", "bob"), (1, None, "1", "bob")]


def test_stages_keep_their_history(store: Store) -> None:
    for _ in range(3):
        add(store)
    versions.transition(store, NAME, 1, "Production", user="ann")
    versions.transition(store, NAME, 2, "Production", user="bob", archive_existing=True)
    versions.transition(store, NAME, 2, "Production")
    assert {one.version: one.stage for one in reading.list_versions(store, NAME)} == {
        1: "Archived",
        2: "Production",
        3: "None",
    }
    assert reading.get_model(store, NAME).stages == {"Archived": 1, "Production": 2, "None": 3}
    moves = [(one.version, one.before, one.after, one.user) for one in reading.history(store, NAME)]
    assert moves[:3] == [
        (1, "Production", "Archived", "bob"),
        (2, "None", "Production", "bob"),
        (1, "None", "Production", "ann"),
    ]
    with pytest.raises(RegistryError, match="no stage 'Live'; stages are None, Staging, Production, Archived"):
        versions.transition(store, NAME, 1, "Live")
    with pytest.raises(RegistryError, match="not Archived"):
        versions.transition(store, NAME, 1, "archived", archive_existing=True)


def test_models_are_made_described_tagged_renamed_and_deleted(store: Store) -> None:
    models.create_model(store, NAME, description="predicts\nchurn", tags={"team": "risk"}, user="ann")
    with pytest.raises(ModelExistsError):
        models.create_model(store, NAME)
    with pytest.raises(ModelNotFoundError, match="no version yet"):
        reading.find_version(store, NAME)
    made = reading.get_model(store, NAME)
    assert (made.description, made.tags, made.versions, made.last_version) == (
        "predicts\nchurn",
        {"team": "risk"},
        0,
        0,
    )
    add(store)
    versions.set_alias(store, NAME, "a", 1)
    models.annotate(store, NAME, "# Churn")
    models.annotate(store, NAME, "*good*", version=1)
    models.set_tag(store, NAME, "team", None)
    models.set_tag(store, NAME, "approved", "yes", version=1)
    models.rename_model(store, NAME, "attrition")
    with pytest.raises(ModelNotFoundError):
        reading.get_model(store, NAME)
    assert reading.get_model(store, "attrition").tags == {}
    version = reading.find_version(store, "attrition", alias="a")
    assert (version.description, version.tags) == ("*good*", {"approved": "yes"})
    texts = [(one.before, one.after) for one in reading.history(store, "attrition") if one.kind == "description"]
    assert texts == [("", "*good*"), ("predicts\nchurn", "# Churn")]
    models.create_model(store, NAME)
    with pytest.raises(ModelExistsError):
        models.rename_model(store, NAME, "attrition")
    models.delete_model(store, "attrition")
    assert [model.name for model in search_models(store)] == [NAME]
    assert reading.versions_of_run(store, FIRST) == []
    assert add(store, name="attrition").version == 1


def test_registering_needs_a_model_that_is_there(store: Store, backend: SqlBackend) -> None:
    with pytest.raises(ModelNotFoundError, match="has none as models"):
        version_of_run(store, PARENT)
    with pytest.raises(ModelNotFoundError, match="no model 'other'; it has 'model'"):
        version_of_run(store, FIRST, "other")
    writer = Writer(FIRST, "again")
    backend.write([writer.place(ModelLogged(time=9, name="best", flavors=["sklearn"], model_id="9" * 32))])
    assert version_of_run(store, FIRST, "best").logged_model == "9" * 32
    assert version_of_run(store, FIRST).source.endswith("/model")
    with pytest.raises(ModelNotFoundError):
        versions.create_version(store, "nobody", NewVersion(source="/x"))


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", ".", "..", "x" * 257])
def test_names_that_cannot_be(store: Store, name: str) -> None:
    with pytest.raises(RegistryError):
        models.create_model(store, name)


@given(st.text(max_size=300))
def test_what_is_a_name_fits_into_a_uri(text: str) -> None:
    try:
        name = checked_name(text)
    except RegistryError:
        return
    assert f"models:/{name}/1".split("/") == ["models:", name, "1"]


@pytest.mark.parametrize("alias", ["latest", "Latest", "v1", "V22", "", "a b", "a/b", "a@b", "x" * 256, "a\n"])
def test_aliases_that_cannot_be(alias: str) -> None:
    with pytest.raises(RegistryError):
        checked_alias(alias)


def test_search_speaks_the_language_of_runs(store: Store) -> None:
    add(store, FIRST, tags={"approved": "no"})
    add(store, SECOND, tags={"approved": "yes"})
    add(store, SECOND, name="other")
    versions.create_version(store, NAME, NewVersion(source="/elsewhere"), user="bob")
    versions.set_alias(store, NAME, "champion", 2)
    versions.set_alias(store, NAME, "second", 2)
    versions.transition(store, NAME, 1, "staging")
    store.purge(FIRST)
    found = {
        "": [(NAME, 3), ("other", 1), (NAME, 2), (NAME, 1)],
        'stage = "staging"': [(NAME, 1)],
        'stage != "STAGING" and name = "other"': [("other", 1)],
        'tags.approved = "yes"': [(NAME, 2)],
        "metrics.test_f1_score > 0.85": [("other", 1), (NAME, 2)],
        "not metrics.test_f1_score > 0.85": [(NAME, 3), (NAME, 1)],
        "metrics.test_f1_score is null": [(NAME, 3), (NAME, 1)],
        'params.C = 1 and name ~ "^churn"': [(NAME, 2)],
        'alias = "champion"': [(NAME, 2)],
        'alias like "%ion"': [(NAME, 2)],
        "alias is null": [(NAME, 3), ("other", 1), (NAME, 1)],
        'user = "bob"': [(NAME, 3)],
        f'run_id in ("{FIRST}", "x")': [(NAME, 1)],
        "version between 2 and 3": [(NAME, 3), (NAME, 2)],
        'experiment = "e" and created > "2020-01-01"': [("other", 1), (NAME, 2)],
    }
    for text, expected in found.items():
        assert [(one.name, one.version) for one in search_versions(store, text)] == expected, text
    by_metric = search_versions(store, order_by="metrics.test_f1_score, version", limit=2)
    assert [(one.name, one.version) for one in by_metric] == [("other", 1), (NAME, 2)]
    assert [one.name for one in search_models(store, 'alias = "second" and versions > 2')] == [NAME]
    models.set_tag(store, "other", "team", "risk")
    assert [one.name for one in search_models(store, 'tags.team = "risk"')] == ["other"]
    assert [one.name for one in search_models(store, order_by="name desc")] == ["other", NAME]
    for text, message in (
        ('stage = "live"', "unknown stage 'live'; there are None"),
        ('status = "running"', "unknown field 'status'.*stage"),
        ("alias > 3", "compared as text"),
    ):
        with pytest.raises(FilterError, match=message):
            search_versions(store, text)
    with pytest.raises(FilterError, match="cannot be sorted by it"):
        search_versions(store, order_by="alias")
    with pytest.raises(FilterError, match="no metrics here"):
        search_models(store, "metrics.x > 1")


def test_two_versions_side_by_side(store: Store) -> None:
    before, after = add(store, FIRST), add(store, SECOND)
    found = compare_versions(store, before, after)
    assert [(pair.key, pair.before, pair.after, pair.differs) for pair in found.params] == [
        ("C", 0, 1, True),
        ("kind", "x", "x", False),
    ]
    assert [(pair.before, pair.after) for pair in found.metrics] == [(0.8, 0.9)]
    assert [(pair.key, pair.differs) for pair in found.evaluations["test"]] == [("f1_score", False), ("n", False)]
    assert [(pair.key, pair.before, pair.after) for pair in found.signature] == [
        ("inputs.age", "long", "long"),
        ("outputs.y", "long", "long"),
        ("inputs.city", None, "string"),
    ]
    lineage = {pair.key: (pair.before, pair.after) for pair in found.lineage}
    assert lineage["data users (train)"] == ("d0", "d1")
    assert lineage["git commit"] == (COMMIT, COMMIT)
    store.purge(FIRST)
    gone = compare_versions(store, before, after)
    assert gone.without_run == (1,)
    assert [(pair.before, pair.after) for pair in gone.metrics] == [(None, 0.9)]


def test_open_pages_hear_of_every_change(store: Store) -> None:
    marks = [change_mark(store)]
    add(store)
    marks.append(change_mark(store))
    models.annotate(store, NAME, "x")
    marks.append(change_mark(store))
    models.delete_model(store, NAME)
    marks.append(change_mark(store))
    assert len(set(marks)) == 3
    assert marks[0] == marks[3]


REGISTER = """
import sys
from autotrack.store import Store
from autotrack.store.registry.rows import NewVersion
from autotrack.store.registry.versions import create_version, set_alias
sys.stdin.readline()
with Store.open(sys.argv[1]) as store:
    for _ in range(15):
        made = create_version(store, "shared", NewVersion(source="/x"), create=True)
        set_alias(store, "shared", "champion", made.version)
        print(made.version)
"""


def test_numbers_grow_without_gaps_in_many_processes(store: Store, store_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", REGISTER, store_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    given = [[int(number) for number in process.communicate("go\n", timeout=120)[0].split()] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert all(numbers == sorted(numbers) for numbers in given)
    assert sorted(number for numbers in given for number in numbers) == list(range(1, 61))
    model = reading.get_model(store, "shared")
    assert (model.versions, model.last_version) == (60, 60)
    assert model.aliases["champion"] in {numbers[-1] for numbers in given}
