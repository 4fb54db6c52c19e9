"""Write the pages of the documentation that follow from the code: `python docs/generate.py`.

tests/docs compares what this makes with what is committed.
"""

from __future__ import annotations

from pathlib import Path

import click

from autotrack.cli.app import commands
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


CLI_INTRODUCTION = """\
# Command line

<!-- Made by docs/generate.py from autotrack/cli. -->

`autotrack COMMAND`, or `python -m autotrack COMMAND`. Data go to stdout and messages to stderr, so that results can
be piped. On a terminal, tables are coloured and fitted to its width; in a pipe they are plain, and no id is cut.
`NO_COLOR` and `FORCE_COLOR` are respected.

A `RUN` is its id, the unique beginning of one, its name, or `@last`. Commands read the store that the
[settings](settings.md) name, `.autotrack` by default, and see everything that ended processes have left for it.

A filter compares `metrics.<key>`, `params.<key>`, `tags.<key>` and the run's own fields, such as `status` and
`start_time`: `metrics.val_acc > 0.9 and (params.C < 1 or tags.team = "x") and not name like "test%"`. There are also
`in`, `between`, `~` for regular expressions and `is null`; a key with unusual characters stands in quotes. The same
text works in Python, in `autotrack.search_runs`.

In JSON, times are UTC, and the numbers JSON does not have are the texts `"NaN"`, `"Infinity"` and `"-Infinity"`; in CSV
they are the same words without quotes.

| Exit code | Meaning |
|---|---|
| 0 | done |
| 1 | error |
| 2 | wrong usage: a command, an option, a setting, a filter, a URL, or a name that a model or alias cannot have |
| 3 | no such run, model or version, or more than one run |
| 4 | the store, or a place to deliver to, cannot be used |

`autotrack run` ends with the status of the program. For completion of commands in bash, put
`eval "$(_AUTOTRACK_COMPLETE=bash_source autotrack)"` into `~/.bashrc`; zsh and fish have `zsh_source` and
`fish_source`.
"""


def cli_page() -> str:
    """Return the text of cli.md."""
    root = click.Context(commands, info_name="autotrack", **commands.context_settings)
    parts = [CLI_INTRODUCTION, _command_section(commands, root)]
    return "\n".join([*parts, *_sections_of(commands, root)])


def _sections_of(group: click.Group, context: click.Context) -> list[str]:
    sections = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        below = click.Context(command, info_name=name, parent=context)
        sections.append(_command_section(command, below))
        if isinstance(command, click.Group):
            sections += _sections_of(command, below)
    return sections


def _command_section(command: click.Command, context: click.Context) -> str:
    lines = [f"## `{context.command_path}`", "", _prose(command.help or ""), "", f"    {_usage(command, context)}", ""]
    options = [parameter for parameter in command.get_params(context) if isinstance(parameter, click.Option)]
    records = [option.get_help_record(context) for option in options]
    lines += [f"- `{option}`: {meaning}" for option, meaning in filter(None, records)]
    return "\n".join([*lines, ""])


def _usage(command: click.Command, context: click.Context) -> str:
    return " ".join([context.command_path, *command.collect_usage_pieces(context)])


def _prose(text: str) -> str:
    """Join the lines of each paragraph."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def main() -> None:
    """Write every generated page."""
    (DOCS / "settings.md").write_text(settings_page(), encoding="utf-8")
    (DOCS / "cli.md").write_text(cli_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
