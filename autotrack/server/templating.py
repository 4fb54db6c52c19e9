"""From templates of ours to HTML. Everything is escaped; what runs logged is never a template."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from autotrack import __version__, words
from autotrack.records import Param
from autotrack.server.assets import modules
from autotrack.server.markdown import first_line, to_html

_LONG_DECIMAL = re.compile(r"-?[0-9]{1,15}\.[0-9]{5,20}(e-?[0-9]{1,3})?")


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Give the environment of all templates."""
    made = Environment(
        loader=PackageLoader("autotrack.server"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(FILTERS)
    made.globals["version"] = __version__
    made.globals["modules"] = modules()
    return made


def render(template: str, **values: Any) -> str:
    """Fill a template in."""
    return environment().get_template(template).render(values)


def data_block(value: Any) -> Markup:
    r"""Return JSON for a `<script type="application/json">`: with `<` as `\u003c` nothing in it can end the element."""
    from autotrack.server.replies import to_json

    text = to_json(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(text)  # noqa: S704 - escaped on the line before


def cell(value: Any) -> str:
    """Return a value of the table of runs as text."""
    if isinstance(value, Param):
        return param_text(value)
    if isinstance(value, float):
        return number(value)
    return "" if value is None else str(value)


def number(value: float | None) -> str:
    """Return a metric in at most five significant digits, a whole number with commas between thousands.

    Example:
        >>> number(199_000_000.0), number(0.956137), number(None)
        ('199,000,000', '0.95614', '')
    """
    text = words.number(value)
    return f"{value:,.0f}" if text.lstrip("-").isdigit() else text


def short(text: str) -> str:
    """Return a cell of a file, a long decimal number in five digits.

    Example:
        >>> short("0.9186046511627907"), short("2026"), short("1.0.0")
        ('0.9186', '2026', '1.0.0')
    """
    return words.number(float(text)) if _LONG_DECIMAL.fullmatch(text) else text


def param_text(param: Param) -> str:
    """Return a parameter as people write it."""
    if param.type in {"null", "bool"}:
        return {"": "None", "null": "None", "true": "True", "false": "False"}.get(param.text.lower(), param.text)
    if param.type == "float":
        try:
            return words.number(float(param.text))
        except ValueError:
            return param.text
    return param.text


def moment(nanoseconds: int | None) -> str:
    """Return a time as UTC for the attribute `datetime`, from which the page makes local time."""
    return "" if nanoseconds is None else _utc(nanoseconds).isoformat(timespec="seconds").replace("+00:00", "Z")


def ago(nanoseconds: int) -> str:
    """Say how long ago something was."""
    return words.age(_utc(nanoseconds))


def _utc(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, timezone.utc)


def pretty(text: str) -> str:
    """Indent a text that is JSON; others stay as they are."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


FILTERS: dict[str, Callable[..., Any]] = {
    "ago": ago,
    "cell": cell,
    "data": data_block,
    "first_line": first_line,
    "markdown": to_html,
    "moment": moment,
    "number": number,
    "param": param_text,
    "plural": words.plural,
    "pretty": pretty,
    "seconds": words.seconds,
    "short": short,
    "size": words.size,
}
