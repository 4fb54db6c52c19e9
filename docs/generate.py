"""Write the pages of the documentation that follow from the code: `python docs/generate.py`.

tests/docs compares what this makes with what is committed.
"""

from __future__ import annotations

from pathlib import Path

from autotrack.settings import OTHER_VARIABLES, Setting, settings_table

DOCS = Path(__file__).parent

SETTINGS_INTRODUCTION = """\
# Settings

<!-- Made by docs/generate.py from autotrack/settings.py. -->

Each setting can be given in three places. The first that has it wins:

1. an argument: `autotrack.enable(log_models=False)`;
2. an environment variable: `AUTOTRACK_LOG_MODELS=0`;
3. `[tool.autotrack]` in the nearest `pyproject.toml`, from the working directory upward:

   ```toml
   [tool.autotrack]
   log_models = false
   tags = { team = "risk" }
   ```

In a variable, separate several values by commas (`AUTOTRACK_ONLY=sklearn,keras`) and write tags as
`AUTOTRACK_TAGS=team=risk,stage=dev`. An empty variable counts as unset. A relative path in a `pyproject.toml` starts at
that file's folder, elsewhere at the working directory. A name that does not exist or a value that is not allowed is an
error that says where it was written.
"""


def settings_page() -> str:
    """Return the text of settings.md."""
    parts = [SETTINGS_INTRODUCTION, *map(_section, settings_table())]
    if OTHER_VARIABLES:
        rows = [f"- `{name}`: {meaning}" for name, meaning in OTHER_VARIABLES.items()]
        parts.append("\n".join(["## Other variables\n", *rows, ""]))
    return "\n".join(parts)


def _section(setting: Setting) -> str:
    return (
        f"## `{setting.name}`\n\n{setting.description}\n\n"
        f"`{setting.variable}` · {setting.type} · default: {_default(setting)}\n"
    )


def _default(setting: Setting) -> str:
    match setting.default:
        case bool(value):
            return f"`{str(value).lower()}`"
        case () | None | {}:
            return "none"
        case tuple(items):
            return f"`{','.join(items)}`"
        case value:
            return f"`{value}`"


def main() -> None:
    """Write every generated page."""
    (DOCS / "settings.md").write_text(settings_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
