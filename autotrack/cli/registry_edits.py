"""`autotrack models register`, `alias`, `promote`, `annotate`, `tag`, `rename` and `rm`: change the registry."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from autotrack.cli.json_output import print_json
from autotrack.cli.screen import say
from autotrack.cli.session import Session, reads_store
from autotrack.models import registry
from autotrack.models.registry.reference import Reference, parse_reference
from autotrack.store.registry.rules import ACTIVE_STAGES, PRODUCTION, STAGES, checked_stage

if TYPE_CHECKING:
    from autotrack.store.registry.rows import ModelVersion


@click.command()
@click.argument("model")
@click.argument("name")
@click.option("-d", "--description", default="", metavar="MARKDOWN", help="What others should know of this version.")
@click.option("-t", "--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag; may be repeated.")
@click.option(
    "-r",
    "--require",
    "criteria",
    multiple=True,
    metavar="CRITERION",
    help="Such as 'test_f1_score >= 0.9'; repeatable.",
)
@click.option("--baseline", metavar="MODEL", help="What 'test_f1_score > baseline + 0.01' compares with.")
@reads_store
def register(
    session: Session,
    *,
    model: str,
    name: str,
    description: str,
    tags: tuple[str, ...],
    criteria: tuple[str, ...],
    baseline: str | None,
    as_json: bool,
) -> None:
    """Make a MODEL the next version of NAME.

    MODEL is a run, runs:/<run>/<model> where it has several, a version of another name, or the path of a model folder.
    """
    pairs = dict(map(_pair, tags))
    made = registry.register(
        model,
        name,
        description=description,
        tags=pairs,
        criteria=criteria,
        baseline=baseline,
        history=session.history,
    )
    _report(made, f"registered {made.name}/{made.version} from {made.source}", as_json=as_json)


@click.command()
@click.argument("version")
@click.argument("alias")
@click.option("--delete", is_flag=True, help="Take the alias away.")
@reads_store
def alias(session: Session, *, version: str, alias: str, delete: bool, as_json: bool) -> None:
    """Let ALIAS stand for a VERSION, and for no other any more."""
    if delete:
        name = parse_reference(version).name
        registry.delete_alias(name, alias, history=session.history)
        if as_json:
            print_json(registry.get(name, history=session.history))
        else:
            say(f"{name} has no alias {alias}")
        return
    found = _find(session, version)
    registry.set_alias(found.name, alias, found.version, history=session.history)
    _report(_again(session, found), f"{found.name}@{alias} is version {found.version}", as_json=as_json)


@click.command()
@click.argument("version")
@click.option(
    "--stage", type=click.Choice(STAGES, case_sensitive=False), default=PRODUCTION, show_default=True, help="Where to."
)
@click.option("--keep", is_flag=True, help="Leave the versions that are there, instead of archiving them.")
@reads_store
def promote(session: Session, *, version: str, stage: str, keep: bool, as_json: bool) -> None:
    """Move a VERSION to Production or another stage; those that were there are archived."""
    found = _find(session, version)
    archive = checked_stage(stage) in ACTIVE_STAGES and not keep
    moved = registry.transition(found.name, found.version, stage, archive_existing=archive, history=session.history)
    _report(moved, f"{moved.name}/{moved.version}: {found.stage} → {moved.stage}", as_json=as_json)


@click.command()
@click.argument("version", metavar="NAME|VERSION")
@click.argument("text", metavar="MARKDOWN")
@reads_store
def annotate(session: Session, *, version: str, text: str, as_json: bool) -> None:
    """Describe a model, or one of its versions, in Markdown; "-" reads the text from standard input."""
    name, number = _owner(session, version)
    content = sys.stdin.read() if text == "-" else text
    registry.annotate(name, content, version=number, history=session.history)
    _report_owner(session, name, number, f"described {_called(name, number)}", as_json=as_json)


@click.command()
@click.argument("version", metavar="NAME|VERSION")
@click.argument("tags", nargs=-1, required=True, metavar="KEY=VALUE...")
@reads_store
def tag(session: Session, *, version: str, tags: tuple[str, ...], as_json: bool) -> None:
    """Tag a model, or one of its versions; KEY= takes the tag away."""
    name, number = _owner(session, version)
    for key, value in map(_pair, tags):
        registry.set_tag(name, key, value or None, version=number, history=session.history)
    _report_owner(session, name, number, f"tagged {_called(name, number)}", as_json=as_json)


@click.command()
@click.argument("name")
@click.argument("new_name")
@reads_store
def rename(session: Session, *, name: str, new_name: str, as_json: bool) -> None:
    """Give a model another name; versions, aliases and history go with it."""
    registry.rename(name, new_name, history=session.history)
    _report_owner(session, new_name, None, f"{name} is now {new_name}", as_json=as_json)


@click.command()
@click.argument("version", metavar="NAME|VERSION")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@reads_store
def rm(session: Session, *, version: str, yes: bool, as_json: bool) -> None:
    """Delete a version, or a model with all versions and its history. Runs and files stay."""
    name, number = _owner(session, version)
    called = _called(name, number)
    if not yes:
        count = registry.get(name, history=session.history).versions
        all_of_it = "" if number is not None else f" with {count} version{'' if count == 1 else 's'}"
        click.confirm(f"Delete {called}{all_of_it}? This cannot be undone", abort=True, err=True)
    registry.delete(name, version=number, history=session.history)
    if as_json:
        print_json({"deleted": called})
    else:
        say(f"deleted {called}")


def _find(session: Session, text: str) -> ModelVersion:
    wanted = parse_reference(text)
    return registry.find_version(wanted.name, **wanted.selector(), history=session.history)


def _again(session: Session, version: ModelVersion) -> ModelVersion:
    return registry.find_version(version.name, version=version.version, history=session.history)


def _owner(session: Session, text: str) -> tuple[str, int | None]:
    """Return the model that a text names, and the number where it names a version."""
    wanted = parse_reference(text)
    if wanted == Reference(wanted.name):
        return registry.get(wanted.name, history=session.history).name, None
    found = _find(session, text)
    return found.name, found.version


def _called(name: str, version: int | None) -> str:
    return name if version is None else f"{name}/{version}"


def _report(version: ModelVersion, message: str, *, as_json: bool) -> None:
    if as_json:
        print_json(version)
    else:
        say(message)


def _report_owner(session: Session, name: str, number: int | None, message: str, *, as_json: bool) -> None:
    if not as_json:
        say(message)
    elif number is None:
        print_json(registry.get(name, history=session.history))
    else:
        print_json(registry.find_version(name, version=number, history=session.history))


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise click.UsageError(f"{text!r} is no tag: write KEY=VALUE")
    return key, value
