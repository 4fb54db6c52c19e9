"""How each library's models are described in a model folder: one module a library, all giving a `Flavor`."""
