"""`autotrack models ls`, `show` and `compare`: look into the registry of models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from autotrack.cli.json_output import print_json
from autotrack.cli.screen import Cell, Column, Screen, Styled, printable, say
from autotrack.cli.session import Session, reads_store
from autotrack.models import registry
from autotrack.models.registry.reference import parse_reference
from autotrack.store.registry.comparison import Pair, read_columns, type_text
from autotrack.stored_run import to_datetime
from autotrack.words import age, number, plural

if TYPE_CHECKING:
    from autotrack.store.registry.rows import Change, ModelVersion, RegisteredModel

STAGE_STYLES = {"Production": "green", "Staging": "yellow", "Archived": "dim", "None": "dim"}
SHOWN_CHANGES = 20
COMMIT_LENGTH = 12


@click.command()
@click.option("-f", "--filter", metavar="FILTER", help='Such as \'name like "churn%" and tags.team = "risk"\'.')
@click.option("-v", "--versions", "each", is_flag=True, help="Versions, not models; a filter can name metrics then.")
@click.option("-s", "--sort", metavar="FIELDS", help="Such as 'updated desc'.")
@click.option("-n", "--limit", type=click.IntRange(min=1), help="At most so many.")
@reads_store
def ls(
    session: Session,
    *,
    filter: str | None,  # noqa: A002 - the word of the option
    each: bool,
    sort: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """List registered models, or their versions.

    With --versions, a filter is about versions and the runs that made them:
    'name = "churn" and stage = "Production" and metrics.test_f1_score > 0.9'.
    """
    search = registry.search_versions if each else registry.search_models
    found = search(filter, order_by=sort, limit=limit, history=session.history)
    if as_json:
        print_json(found)
    elif not found:
        say(f"no {'versions' if each else 'models'} match" if filter else "no models are registered yet")
    elif each:
        _print_versions(found)  # type: ignore[arg-type]
    else:
        _print_models(found)  # type: ignore[arg-type]


def _print_models(models: Sequence[RegisteredModel]) -> None:
    columns = [
        Column("model", flexible=True, style="bold"),
        Column("versions", right=True),
        Column("latest", right=True),
    ]
    columns += [Column("aliases", flexible=True), Column("stages", flexible=True), Column("updated")]
    Screen().table(
        columns,
        [
            [
                model.name,
                str(model.versions),
                str(max(model.stages.values(), default="")),
                ", ".join(f"{alias} {version}" for alias, version in model.aliases.items()),
                ", ".join(f"{stage} {version}" for stage, version in model.stages.items() if stage != "None"),
                age(to_datetime(model.updated)),
            ]
            for model in models
        ],
    )


def _print_versions(versions: Sequence[ModelVersion]) -> None:
    columns = [Column("version", style="bold", flexible=True), Column("stage"), Column("aliases", flexible=True)]
    columns += [Column("run", flexible=True), Column("user"), Column("registered")]
    rows: list[list[Cell]] = [
        [
            f"{one.name}/{one.version}",
            Styled(one.stage, STAGE_STYLES[one.stage]),
            ", ".join(one.aliases),
            one.lineage.run_name or one.run_id or one.source,
            one.user or "",
            age(to_datetime(one.created)),
        ]
        for one in versions
    ]
    Screen().table(columns, rows)


@click.command()
@click.argument("version")
@reads_store
def show(session: Session, *, version: str, as_json: bool) -> None:
    """Show a model with its versions and history, or one VERSION with where it came from."""
    wanted = parse_reference(version)
    history = session.history
    if any(value is not None for value in wanted.selector().values()):
        found = registry.find_version(wanted.name, **wanted.selector(), history=history)
        changes = registry.changes(found.name, found.version, history=history)
        if as_json:
            print_json({"version": found, "changes": changes})
        else:
            _show_version(found, changes)
        return
    model = registry.get(wanted.name, history=history)
    versions = registry.versions(wanted.name, history=history)
    changes = registry.changes(wanted.name, history=history)
    if as_json:
        print_json({"model": model, "versions": versions, "changes": changes})
    else:
        _show_model(model, versions, changes)


def _show_model(model: RegisteredModel, versions: Sequence[ModelVersion], changes: Sequence[Change]) -> None:
    screen = Screen()
    screen.line(Styled(model.name, "bold"), Styled(f"  {plural(model.versions, 'version')}", "dim"))
    _show_text(screen, model.description)
    _show_pairs(screen, "tags", model.tags)
    if versions:
        screen.heading("versions")
        _print_versions(versions)
    _show_changes(screen, changes)


def _show_version(version: ModelVersion, changes: Sequence[Change]) -> None:
    screen = Screen()
    aliases = "".join(f"  @{alias}" for alias in version.aliases)
    screen.line(Styled(f"{version.name}/{version.version}", "bold"), f"  {version.stage}", Styled(aliases, "cyan"))
    _show_text(screen, version.description)
    origin = version.lineage
    changed = {True: " with uncommitted changes", False: "", None: ""}[origin.git_dirty]
    facts = {
        "registered": f"{age(to_datetime(version.created))}{f' by {version.user}' if version.user else ''}",
        "source": version.source,
        "run": f"{origin.run_name}  {version.run_id}" if origin.run_name else version.run_id,
        "experiment": origin.experiment,
        "code": origin.git_commit and f"{origin.git_commit[:COMMIT_LENGTH]} {origin.git_branch or ''}{changed}",
        "script": origin.script,
        **{f"data {use.name} ({use.context})": use.digest for use in origin.data},
        "flavors": ", ".join(version.flavors),
        "status": None if version.status == "READY" else f"{version.status} {version.status_message or ''}",
    }
    _show_pairs(screen, "", {key: value for key, value in facts.items() if value})
    _show_pairs(screen, "tags", version.tags)
    for part, columns in read_columns(version.signature).items():
        _show_pairs(screen, part, {str(one.get("name", at)): type_text(one) for at, one in enumerate(columns)})
    _show_changes(screen, changes)


def _show_text(screen: Screen, text: str) -> None:
    for line in text.splitlines():
        screen.paragraph(line, 0)


def _show_pairs(screen: Screen, title: str, pairs: dict[str, str]) -> None:
    if pairs:
        screen.heading(title) if title else screen.line()
        screen.table([Column(style="dim"), Column(flexible=True)], list(map(list, pairs.items())))


def _show_changes(screen: Screen, changes: Sequence[Change]) -> None:
    screen.heading("history", f"the latest {SHOWN_CHANGES}" if len(changes) > SHOWN_CHANGES else "")
    columns = [Column(), Column(right=True, style="dim"), Column(), Column(flexible=True), Column(style="dim")]
    screen.table(
        columns,
        [
            [
                age(to_datetime(change.time)),
                "" if change.version is None else f"version {change.version}",
                f"{change.kind} {change.key}" if change.key else change.kind,
                f"{printable(change.before or '')} → {printable(change.after or '')}",
                change.user or "",
            ]
            for change in changes[:SHOWN_CHANGES]
        ],
    )


@click.command()
@click.argument("before", metavar="VERSION")
@click.argument("after", metavar="VERSION")
@click.option("-d", "--differences", is_flag=True, help="Only what is not the same.")
@reads_store
def compare(session: Session, *, before: str, after: str, differences: bool, as_json: bool) -> None:
    """Compare two versions: params, metrics, evaluation, signature and where they came from."""
    found = registry.compare(before, after, history=session.history)
    if as_json:
        print_json(found)
        return
    sections = {"params": found.params, "metrics": found.metrics}
    sections |= {f"evaluation on {split}": pairs for split, pairs in found.evaluations.items()}
    sections |= {"signature": found.signature, "lineage": found.lineage}
    rows: list[list[Cell]] = []
    for title, pairs in sections.items():
        shown = [pair for pair in pairs if pair.differs or not differences]
        if shown:
            rows.append([Styled(title, "bold"), "", ""])
            rows += map(_row, shown)
    names = [Column(f"{one.name}/{one.version}", right=True, flexible=True) for one in (found.before, found.after)]
    Screen().table([Column(flexible=True), *names], rows)
    for version in found.without_run:
        say(f"the run of version {version} is not in this store: its params and metrics are unknown")


def _row(pair: Pair) -> list[Cell]:
    style = "yellow" if pair.differs else "dim"
    return [f"  {pair.key}", *(Styled(_text(value), style) for value in (pair.before, pair.after))]


def _text(value: object) -> str:
    return number(value) if isinstance(value, float) else "" if value is None else str(value)
