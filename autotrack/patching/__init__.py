"""Watch calls into other people's libraries without ever making one of them fail."""
