"""`Supervisor`: holds the workers of a server, and replaces all of them without losing a request.

The socket belongs to the supervisor for as long as it lives, so a connection that no worker has taken yet waits for the
next one. On SIGHUP the model's URI is looked up again, new workers start beside the old ones, and only when all of them
are ready the old ones finish what they have and leave. If one cannot start, everything stays as it was.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from autotrack.errors import AutotrackError
from autotrack.serving.generation import Generation


class Supervisor:
    """A server of one model.

    Args:
        make: Finds the model and makes its workers; called at the start and at each restart.
        tell: Where news for a person go.
    """

    def __init__(self, make: Callable[[], Generation], tell: Callable[[str], None]) -> None:
        self._make = make
        self._tell = tell
        self._generations: list[Generation] = []
        self._stop = asyncio.Event()
        self._restart = asyncio.Event()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Serve until SIGTERM or SIGINT.

        Args:
            on_ready: Called when the server answers.

        Raises:
            AutotrackError: The model cannot be found, or the workers cannot start.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._restart.set)
        serving = asyncio.create_task(self._serve(on_ready))
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
        finally:
            serving.cancel()
            stopping.cancel()
            await asyncio.gather(*(generation.stop() for generation in self._generations))

    async def _serve(self, on_ready: Callable[[], None]) -> None:
        current = self._make()
        self._generations.append(current)
        await current.start()
        on_ready()
        while True:
            await self._restart.wait()
            self._restart.clear()
            current = await self._replace(current)

    async def _replace(self, old: Generation) -> Generation:
        """Return the generation that serves from now on."""
        try:
            new = self._make()
            self._generations.append(new)
            await new.start()
        except AutotrackError as error:
            self._tell(f"not restarted, the old workers go on: {error}")
            self._generations = [old]
            return old
        await old.stop()
        self._generations = [new]
        self._tell(f"restarted with {new.model.uri} ({new.model.path})")
        return new
