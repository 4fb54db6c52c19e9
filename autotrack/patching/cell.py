"""The variable that a function holds in its closure, as an owner whose attribute a patcher can replace.

Functions that users import by name, often before tracking is enabled, are left alone where they only wrap another one:
replaced is what they hold, and every name that anybody imported leads there.
"""

from __future__ import annotations

import types
from typing import Any

from autotrack.patching.patcher import UnsupportedLibraryError


class Cell:
    """The closure cell of a function, as an owner whose attribute a patcher can replace.

    Args:
        function: The function that holds it.
        name: The variable in it.

    Raises:
        UnsupportedLibraryError: The function holds no such variable.
    """

    def __init__(self, function: Any, name: str) -> None:
        self.__name__ = function.__qualname__
        code = getattr(function, "__code__", None)
        if code is None or name not in code.co_freevars:
            raise UnsupportedLibraryError(f"{self.__name__} no longer wraps a function {name!r}")
        self._cell: types.CellType = function.__closure__[code.co_freevars.index(name)]
        self.__dict__[name] = self._cell.cell_contents

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if "_cell" in self.__dict__ and name != "_cell":
            self._cell.cell_contents = value
