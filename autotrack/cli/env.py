"""`autotrack env`: each setting and where its value comes from."""

from __future__ import annotations

from typing import Any

import click

from autotrack.cli.json_output import print_json
from autotrack.cli.screen import Cell, Column, Screen, Styled
from autotrack.cli.session import json_option


@click.command()
@json_option
def env(*, as_json: bool) -> None:
    """Show each setting and where it comes from."""
    from autotrack.backends import redact_url
    from autotrack.settings import resolve, settings_table

    resolved = resolve()
    rows = []
    for setting in settings_table():
        value = getattr(resolved.settings, setting.name)
        if setting.name == "to":
            value = tuple(map(redact_url, value))
        rows.append((setting, value, resolved.origins[setting.name]))
    if as_json:
        fields = ("name", "variable", "type", "default", "description")
        print_json(
            [
                {**{field: getattr(setting, field) for field in fields}, "value": value, "origin": origin}
                for setting, value, origin in rows
            ]
        )
        return
    columns = [Column("setting", style="bold"), Column("value"), Column("origin"), Column("variable", style="dim")]
    cells: list[list[Cell]] = [
        [setting.name, _text(value), Styled(origin, "dim" if origin == "default" else "green"), setting.variable]
        for setting, value, origin in rows
    ]
    screen = Screen()
    if screen.width is None or screen.width >= 150:
        columns.append(Column("meaning"))
        for row, (setting, _, _) in zip(cells, rows, strict=True):
            row.append(setting.description)
    screen.table(columns, cells)


def _text(value: Any) -> Cell:
    if isinstance(value, bool):
        return Styled(str(value).lower(), "green" if value else "red")
    if isinstance(value, tuple):
        return ",".join(value) or Styled("-", "dim")
    if isinstance(value, dict):
        return ",".join(f"{key}={item}" for key, item in value.items()) or Styled("-", "dim")
    return Styled("-", "dim") if value is None else str(value)
