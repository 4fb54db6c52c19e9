"""Projects: a folder or git repository that says how its programs are started, with which parameters, and in what.

What is read: an `MLproject` file as MLflow reads it, `[tool.autotrack.entry-points]` of a pyproject.toml, and the
header of a script (PEP 723). `autotrack run` starts them; each start is a run.

Example:
    >>> from pathlib import Path
    >>> from autotrack.projects import read_project
    >>> project = read_project(Path("examples/wine_quality"))  # doctest: +SKIP
    >>> project.entry_point("main").parameters["alpha"].default  # doctest: +SKIP
    0.5
"""

from __future__ import annotations

from autotrack.projects.definition import CondaFile, Container, EntryPoint, Packages, Parameter, Project, ProjectError
from autotrack.projects.reading import read_project

__all__ = [
    "CondaFile",
    "Container",
    "EntryPoint",
    "Packages",
    "Parameter",
    "Project",
    "ProjectError",
    "read_project",
]
