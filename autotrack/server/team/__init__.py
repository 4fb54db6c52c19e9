"""The server of a team: the pages with MLflow's protocol beside them, accounts before both, in several processes."""
