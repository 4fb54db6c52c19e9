"""Several runs over lists of values: all combinations of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

from autotrack.projects.definition import ProjectError


def parse_values(texts: Iterable[str], option: str) -> dict[str, str]:
    """Read texts of the form NAME=VALUE.

    Args:
        texts: As given on the command line.
        option: Where, for the message.

    Raises:
        ProjectError: One has no "=", or a name comes twice.
    """
    values: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise ProjectError(f"{option} {text!r} is not NAME=VALUE")
        if name in values:
            raise ProjectError(f"{option} gives {name!r} twice")
        values[name] = value
    return values


def combinations(fixed: Mapping[str, str], grid: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the values of each run: all combinations of the lists, with the fixed values.

    Args:
        fixed: Value of each parameter that is the same in all runs.
        grid: Comma-separated values of the others.

    Raises:
        ProjectError: A parameter is in both, or a list has an empty value.

    Example:
        >>> combinations({"seed": "1"}, {"alpha": "0.1,0.5"})
        [{'seed': '1', 'alpha': '0.1'}, {'seed': '1', 'alpha': '0.5'}]
    """
    twice = sorted(set(fixed) & set(grid))
    if twice:
        raise ProjectError(f"{', '.join(twice)} given with -P and with --grid; keep one")
    lists = [values.split(",") for values in grid.values()]
    if any(not value for values in lists for value in values):
        raise ProjectError("--grid has an empty value; write NAME=VALUE,VALUE")
    return [{**fixed, **dict(zip(grid, chosen, strict=True))} for chosen in product(*lists)]
