"""What a new integration subclasses and uses."""

from __future__ import annotations

from types import ModuleType
from typing import ClassVar

from autotrack.patching.call import Call, CallFailedError
from autotrack.patching.observation import Observer
from autotrack.patching.patcher import Patcher, UnsupportedLibraryError

__all__ = ["Call", "CallFailedError", "Integration", "Observer", "Patcher", "UnsupportedLibraryError"]


class Integration:
    """Teach autotrack one library.

    An instance is made after the user's program has imported the library, so the module that defines the subclass may
    import it at the top. An integration patches in `install` and undoes nothing itself: the patcher does.

    Attributes:
        name: The word users write in `enable(only=...)`.
        requires: The library and its versions, as in "lightgbm>=4.0". Outside it there is one warning and no patch.
            Empty for what belongs to Python, or is probed.
    """

    name: ClassVar[str]
    requires: ClassVar[str]

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Observe the library's training functions.

        Args:
            patcher: Records every patch; `autotrack.disable()` undoes them.
            module: The library, fully imported.

        Raises:
            UnsupportedLibraryError: The library is not as this integration knows it.
        """
        raise NotImplementedError

    def uninstall(self) -> None:
        """Let go of what `install` keeps beside patches; called after they are undone. By default nothing."""
