"""Runs as a tracking server keeps them: what clients of MLflow's protocol write and ask, in transactions of their own.

`tables` has what only a server needs (tags of experiments, logged models, files of both), `experiments`, `runs`,
`values`, `inputs`, `logged_models` and `files` the functions. They speak of rows and nanoseconds; words, milliseconds
and limits of the protocol are the server's.
"""
