"""Serve a model over HTTP with the scoring protocol of MLflow's clients, and watch what it is asked.

`supervisor` keeps worker processes alive and replaces them without losing a request; each `worker` loads the model and
answers through `app`. `protocol` reads requests, `scoring` predicts; nothing in the web layer knows a model. What is
recorded goes from `sampling` in the workers to `monitoring` in the supervisor, and `drift` compares it with training.
"""
