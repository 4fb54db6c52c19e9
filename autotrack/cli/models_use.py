"""`autotrack models predict` and `env`: use a model on a file, and see that it can be rebuilt."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from autotrack.cli.json_output import print_json
from autotrack.cli.screen import say
from autotrack.cli.session import Session, reads_store
from autotrack.cli.sync import progress_bar
from autotrack.words import plural

if TYPE_CHECKING:
    from autotrack.models.stored import StoredModel

trust_option = click.option(
    "--trust", is_flag=True, help="Load models that run code: pickles, custom classes, PyTorch modules."
)


@click.command()
@click.argument("uri")
@click.option(
    "-i",
    "--input",
    "source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="Read this file.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Write this file.")
@click.option(
    "--chunk", type=click.IntRange(min=1), default=65_536, show_default=True, help="Rows in memory at a time."
)
@click.option("--keep-input", is_flag=True, help="Write the input's columns, too.")
@trust_option
@reads_store
def predict(
    session: Session,
    *,
    uri: str,
    source: Path,
    output: Path,
    chunk: int,
    keep_input: bool,
    trust: bool,
    as_json: bool,
) -> None:
    """Predict for all rows of a file, however large.

    URI is runs:/<run>/<name>, models:/<name>/<version or stage>, models:/<name>@<alias>, or the path of a model folder.
    Input and output are .parquet or .csv. The output appears when all rows are done.
    """
    from autotrack.models.batch import predict_file
    from autotrack.models.file_pieces import count_rows
    from autotrack.models.predictor import load_predictor

    predictor = load_predictor(_open(session, uri), trust=trust)
    rows, total = 0, count_rows(source)
    with progress_bar("predicting") as progress:
        for rows in predict_file(predictor, source, output, chunk_rows=chunk, keep_input=keep_input):
            progress(rows, total or rows)
    if as_json:
        print_json({"model": uri, "output": str(output), "rows": rows})
    else:
        say(f"{plural(rows, 'prediction')} written to {output}")


@click.command()
@click.argument("uri")
@click.option(
    "--directory", type=click.Path(path_type=Path), help="Keep the environment here; by default it goes again."
)
@trust_option
@reads_store
def env(session: Session, *, uri: str, directory: Path | None, trust: bool, as_json: bool) -> None:
    """Make a model's environment anew, and predict in it: the test that a model can be reproduced.

    A fresh virtual environment gets exactly the recorded versions (by uv if that is installed, else by venv and pip).
    What the model predicts there for its input example is compared with what it predicts here, bit by bit. The exit
    code is 1 where they differ.
    """
    from autotrack.models.environments import rebuild

    if directory is not None and directory.exists():
        raise click.UsageError(f"{directory} exists; name a place for a new environment")
    with TemporaryDirectory(prefix="autotrack-env-") as place:
        target = (directory or Path(place) / "env").absolute()
        found = rebuild(_open(session, uri), target, trust=trust, tell=say)
    if as_json:
        print_json(found)
    else:
        verdict = "equal, bit by bit" if found.same else f"different (by up to {found.greatest_difference})"
        made = f"Python {found.python}, {plural(len(found.packages), 'package')}"
        click.echo(f"{made}: {plural(found.rows, 'prediction')} {verdict}")
    if not found.same:
        raise click.exceptions.Exit(1)


def _open(session: Session, uri: str) -> StoredModel:
    """Open a model; a store is needed only where the URI is of a run or of a registered model."""
    from autotrack.models.stored import open_model

    return open_model(uri, history=session.history if uri.startswith(("runs:/", "models:/")) else None)
