"""Who may use a tracking server: accounts with a role, roles in single experiments, and tokens, all secrets hashed."""
