"""The web page on a store: an ASGI application that only its owner can open. Nothing here is loaded before it runs."""
