"""Workers of this machine that were stopped (SIGSTOP), and so neither take units nor give up what they hold.

One that is stopped at work is ended when its unit's time is over. One that is stopped between two units, or
while it hands over what it found, would hold up the run: nobody waits for it by itself.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress


class StoppedWorkers:
    """Notes when a unit was heard of, and goes by how long the units may take."""

    def __init__(self) -> None:
        self._longest = 0.0
        self._heard = time.monotonic()

    def expect_within(self, seconds: float) -> None:
        """A unit was handed out that may take so long once it is begun."""
        self._longest = max(self._longest, seconds)

    def heard(self, _: object = None) -> None:
        """A unit is through."""
        self._heard = time.monotonic()

    def wake(self, say: Callable[[str], None]) -> None:
        """Let the workers go on where nothing was heard for twice as long as any unit may take."""
        if time.monotonic() - self._heard < 2 * self._longest:
            return
        self.heard()
        say("nothing was heard of any worker for long: letting those go on that were stopped")
        for process in multiprocessing.active_children():
            with suppress(OSError, TypeError):
                os.kill(process.pid, signal.SIGCONT)  # type: ignore[arg-type]
