"""`autotrack models serve` and `monitor`: a model over HTTP, and whether what it is asked still looks like training."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import click

from autotrack.cli.screen import Column, Screen, Styled, say
from autotrack.cli.session import Session, reads_store
from autotrack.words import plural

if TYPE_CHECKING:
    from autotrack.history import History
    from autotrack.serving.report import Report

VERDICT_STYLES = {"stable": "green", "moderate": "yellow", "major": "red"}


@click.command()
@click.argument("uri")
@click.option("-p", "--port", type=click.IntRange(0, 65_535), default=5000, show_default=True, help="0 for any.")
@click.option("--host", default="127.0.0.1", show_default=True, help="What to listen on.")
@click.option("-w", "--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--trust", is_flag=True, help="Load also models that run code, such as pickles.")
@click.option("--record", is_flag=True, help="Record a sample of the requests as a monitoring run.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Of a request.",
)
@click.option("--max-body", type=click.IntRange(1), default=64, show_default=True, metavar="MB", help="Of a request.")
@click.option("--allowed-host", multiple=True, metavar="NAME", help="Also answer to this name; may be repeated.")
@reads_store
def serve(  # noqa: PLR0913 - one keyword an option
    session: Session,
    *,
    uri: str,
    port: int,
    host: str,
    workers: int,
    trust: bool,
    record: bool,
    timeout: float,
    max_body: int,
    allowed_host: tuple[str, ...],
    as_json: bool,
) -> None:
    """Serve a model over HTTP, with the protocol of MLflow's scoring servers.

    URI is runs:/<run>/<name>, models:/<name>/<version or stage>, models:/<name>@<alias>, or a path. SIGTERM and Ctrl-C
    end the server when all requests are answered; SIGHUP looks the URI up again and replaces the workers, while the
    old ones go on answering.
    """
    from autotrack import recording
    from autotrack.errors import MissingDependencyError

    try:
        from autotrack.serving.app import Limits
        from autotrack.serving.launch import Options, serve_model
    except ModuleNotFoundError as error:
        raise MissingDependencyError(error.name or "starlette", "serving") from error
    recording.configure(session.settings)
    options = Options(
        host=host,
        port=port,
        workers=workers,
        trust=trust,
        limits=Limits(body_bytes=max_body << 20, seconds=timeout),
        allowed_hosts=allowed_host,
        record=record,
    )
    serve_model(uri, options, history=partial(_up_to_date, session), on_ready=partial(_tell_address, as_json), tell=say)


def _up_to_date(session: Session) -> History:
    session.history.catch_up()
    return session.history


def _tell_address(as_json: bool, address: str) -> None:  # noqa: FBT001 - the user's option
    from autotrack.cli.json_output import print_json
    from autotrack.server.hosts import is_loopback

    if as_json:
        print_json({"address": address, "pid": os.getpid()})
    else:
        click.echo(address)
        say(f"POST {address}/invocations; Ctrl-C ends it, kill -HUP {os.getpid()} replaces the workers")
    if not is_loopback(address.removeprefix("http://").rpartition(":")[0].strip("[]")):
        say("others can reach this: put a proxy with TLS and a login before it")


@click.command()
@click.argument("uri")
@click.option(
    "--reference",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Compare with this .parquet or .csv file, not with what the training run knows of its data.",
)
@click.option("--hours", type=click.FloatRange(0, min_open=True), help="Only the last so many hours.")
@reads_store
def monitor(session: Session, *, uri: str, reference: str | None, hours: float | None, as_json: bool) -> None:
    """Say whether a model that is served with --record is still asked what it was trained for.

    PSI is the population stability index: from 0.1 a column has changed, from 0.25 it is another, and what chance alone
    may do counts as stable. KS is the largest distance of the distributions of a number, with the p-value of the test.
    """
    from autotrack.cli.json_output import print_json
    from autotrack.serving.report import drift_report

    report = drift_report(uri, history=session.history, reference=reference, hours=hours)
    if as_json:
        print_json(report)
    else:
        _print_report(report)


def _print_report(report: Report) -> None:
    screen = Screen()
    screen.line(
        f"{plural(report.requests, 'request')} ({plural(report.errors, 'error')}), {plural(report.rows, 'row')}; "
        f"{plural(report.sampled, 'sampled row')} compared with {report.reference}"
    )
    screen.line()
    titles = ("psi", "ks", "p", "missing", "in training")
    columns = [Column("column", flexible=True), *(Column(title, right=True) for title in titles), Column("verdict")]
    screen.table(
        columns,
        [
            [
                drift.column,
                f"{drift.psi:.3f}",
                "" if drift.ks is None else f"{drift.ks:.3f}",
                "" if drift.p_value is None else f"{drift.p_value:.2g}",
                f"{drift.missing:.1%}",
                f"{drift.missing_before:.1%}",
                Styled(drift.verdict, VERDICT_STYLES[drift.verdict]),
            ]
            for drift in report.columns
        ],
    )
    if report.unknown:
        say(f"nothing is known from training of {', '.join(report.unknown)}")
