"""The registry of models in the store: named models, their versions, aliases, stages, tags, notes and history.

`tables` has the tables, `rows` what reading returns, `rules` what names and stages may be, `reading` and `writing` the
functions, `search` finds with the filter language of runs, `comparison` puts two versions beside each other. Names and
semantics are those of MLflow's registry; what it forgets (who changed what, and when) is kept as history.
"""
