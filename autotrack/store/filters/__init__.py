"""The filter language of runs: `metrics.val_acc > 0.9 and (params.C < 1 or tags.team = "x") and status = "finished"`.

Fields are `metrics.<key>` (the last value; `min(metrics.loss)`, `max`, `mean` and `count` give others), `params.<key>`,
`tags.<key>` and the attributes `name id status experiment parent source start_time end_time duration`. Keys with other
characters than letters, digits and `_ . / - @ :` go into double quotes or backticks: `metrics."val acc"`.

Comparisons are = != < <= > >=, `in (...)`, `between ... and ...`, `like` and `ilike` (`%` any text, `_` a character),
`~` (regular expression, `!~` for none) and `is null`, with `not in`, `not like`, `is not null` and so on. They combine
with `and`, `or`, `not` and parentheses.

- A comparison of a field that a run does not have is false, negated or not. `params.x is null` finds such runs; it also
  finds those whose parameter is None.
- NaN is neither less than, greater than nor equal to anything; `metrics.loss is nan` finds it.
- Parameters compare as numbers with numbers (texts that read as a number count as one) and as texts with texts.
- `duration` is in seconds. Times compare with ISO dates and times in quotes, in UTC unless they say otherwise, or with
  seconds since the epoch; a date stands for the whole day.
"""

from autotrack.store.filters.compiler import compile_filter, compile_order
from autotrack.store.filters.parser import parse_filter, parse_order

__all__ = ["compile_filter", "compile_order", "parse_filter", "parse_order"]
