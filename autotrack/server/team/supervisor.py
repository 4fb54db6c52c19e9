"""Several processes that answer at one port: started, started anew when they die, and ended together."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import socket
import threading
import time
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING

from autotrack.server.launch import ServerError
from autotrack.server.team.logs import set_up_logs

if TYPE_CHECKING:
    from autotrack.server.team.attempts import Attempts
    from autotrack.server.team.meters import Meters
    from autotrack.server.team.settings import TeamSettings

logger = logging.getLogger("autotrack")

LOOK_SECONDS = 0.5
QUICK_SECONDS = 10.0
MAX_QUICK_DEATHS = 5
"""So many processes in a row that die young mean that none will live."""

END_SECONDS = 10.0
"""How long a process has to end after its requests have."""


def supervise(settings: TeamSettings, bound: socket.socket, meters: Meters, attempts: Attempts) -> None:
    """Run the processes until this one is told to end.

    Raises:
        ServerError: They die as soon as they are started.
    """
    set_up_logs(as_json=settings.log_json)
    told = threading.Event()
    before = {number: signal.signal(number, lambda *_: told.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    team = _Team(settings, bound, meters, attempts)
    try:
        team.start()
        while not told.wait(LOOK_SECONDS):
            team.replace_dead()
    finally:
        team.end()
        for number, handler in before.items():
            signal.signal(number, handler)


class _Team:
    """The processes.

    Args:
        settings: Each gets a copy.
        bound: Where they listen.
        meters: Where they count.
        attempts: Where they count wrong passwords.
    """

    def __init__(self, settings: TeamSettings, bound: socket.socket, meters: Meters, attempts: Attempts) -> None:
        self._settings, self._bound, self._meters, self._attempts = settings, bound, meters, attempts
        self._context = multiprocessing.get_context("spawn")  # threads and connections are not to be inherited
        self._processes: list[tuple[SpawnProcess, float]] = []
        self._quick_deaths = 0

    def start(self) -> None:
        """Start all."""
        self._processes = [self._start(number) for number in range(self._settings.workers)]

    def replace_dead(self) -> None:
        """Start one anew for each that has died.

        Raises:
            ServerError: One after the other dies young.
        """
        for number, (process, since) in enumerate(self._processes):
            if process.is_alive():
                continue
            young = time.monotonic() - since < QUICK_SECONDS
            self._quick_deaths = self._quick_deaths + 1 if young else 0
            logger.error("server process %s has died with %s", process.pid, process.exitcode)
            if self._quick_deaths >= MAX_QUICK_DEATHS:
                raise ServerError("the processes of the server die as soon as they are started; its log says why")
            self._processes[number] = self._start(number)

    def end(self) -> None:
        """Tell all to end, and kill those that do not."""
        for process, _ in self._processes:
            process.terminate()  # SIGTERM: they answer what they have begun
        deadline = time.monotonic() + self._settings.grace + END_SECONDS
        for process, _ in self._processes:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                logger.error("server process %s does not end; killing it", process.pid)
                process.kill()
                process.join()

    def _start(self, number: int) -> tuple[SpawnProcess, float]:
        from autotrack.server.team.launch import work

        arguments = (self._settings, self._bound, self._meters.of(number), self._attempts)
        process = self._context.Process(target=work, args=arguments, name=f"autotrack-server-{number}")
        process.start()
        logger.info("server process %s answers", process.pid)
        return process, time.monotonic()
