"""MLflow's tracking and registry protocol: one module for each resource, over the functions of the store.

`endpoint` says what every endpoint does (read the request, ask whether the caller may, run in one transaction, answer),
`protocol` which errors there are, `messages` what answers look like, `filters` reads MLflow's search syntax, and
`routes` is the one table of them all.
"""
