"""`autotrack models`: the group of commands on models and their registry."""

from __future__ import annotations

import click

from autotrack.cli.lazy_group import LazyGroup

COMMANDS = {
    "ls": "registry",
    "show": "registry",
    "compare": "registry",
    "register": "registry_edits",
    "alias": "registry_edits",
    "promote": "registry_edits",
    "annotate": "registry_edits",
    "tag": "registry_edits",
    "rename": "registry_edits",
    "rm": "registry_edits",
    "serve": "serving",
    "monitor": "serving",
    "predict": "models_use",
    "env": "models_use",
}
"""The module of each command."""


@click.group(cls=LazyGroup, modules=COMMANDS)
def models() -> None:
    """Name, compare and promote models.

    A VERSION is <name>/<number>, <name>@<alias> or <name>/<stage>, with or without `models:/` before it; a <name> alone
    stands for the latest.
    """
