"""MLflow 3's logged models: folders beside the runs that made them, which become folders of these runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autotrack.backends.mlflow.pages import read_page
from autotrack.records import ModelLogged

_ODD = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class FoundModel:
    """A model that MLflow logged.

    Attributes:
        id: MLflow's, such as "m-0b1c…".
        name: The name it was logged under.
        run_id: MLflow's id of the run that made it.
        time: Milliseconds since the epoch.
        folder: Where its files are, or None where they are on no disk of this machine.
    """

    id: str
    name: str
    run_id: str
    time: int
    folder: Path | None


def by_run(models: Iterable[FoundModel]) -> dict[str, dict[str, FoundModel]]:
    """Return the models of each run by the folder they get there: their name, made different where two share it."""
    runs: dict[str, dict[str, FoundModel]] = {}
    for model in sorted(models, key=lambda model: (model.time, model.id)):
        mine = runs.setdefault(model.run_id, {})
        name = _ODD.sub("_", model.name).strip(".") or "model"
        mine[f"{name}-{model.id[-8:]}" if name in mine else name] = model
    return runs


def present(models: dict[str, FoundModel]) -> dict[str, FoundModel]:
    """Return those whose files are here."""
    return {name: model for name, model in models.items() if model.folder is not None and model.folder.is_dir()}


def model_files(models: dict[str, FoundModel]) -> Iterator[tuple[Path, str]]:
    """Yield each file of models, and the path it gets in its run; links are left alone, they may lead anywhere."""
    for name, model in present(models).items():
        assert model.folder is not None  # noqa: S101 - it is present
        for path in sorted(model.folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path, f"{name}/{path.relative_to(model.folder).as_posix()}"


def model_records(models: dict[str, FoundModel]) -> Iterator[ModelLogged]:
    """Yield a record of each model that is here and has the page that tells what it is.

    Raises:
        MissingDependencyError: PyYAML is not installed.
        StoreUnavailableError: A page cannot be read.
    """
    for name, model in present(models).items():
        assert model.folder is not None  # noqa: S101 - it is present
        if not (model.folder / "MLmodel").is_file():
            continue
        page = read_page(model.folder / "MLmodel")
        yield ModelLogged(
            time=model.time * 1_000_000,
            name=name,
            flavors=list(page.get("flavors") or {}),
            model_id=model.id.removeprefix("m-"),
            signature=page.get("signature"),
            size=sum(path.stat().st_size for path in model.folder.rglob("*") if path.is_file()),
        )
