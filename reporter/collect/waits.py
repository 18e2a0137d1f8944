"""What a run is waiting for, and for how long."""

import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from reporter.accounts.chosen import Account
from reporter.collect.worker import Unit

_LOOK_SECONDS = 1.0


class Waits:
    """When each of the accounts and units that are under way was first seen to be."""

    def __init__(self) -> None:
        self._since: dict[Future[Any], float] = {}
        self._looked = 0.0

    def longest(
        self, opening: Mapping["Future[Any]", Account], running: Mapping["Future[Any]", Unit]
    ) -> tuple[str, float] | None:
        """The name of what has taken the longest, and the seconds; None where it was told a moment ago.

        What is queued behind others has not begun, where the pool tells.
        """
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return None
        self._looked = now
        labels = {future: account.name for future, account in opening.items()}
        labels |= {future: unit.label for future, unit in running.items()}
        begun = [future for future in labels if future.running()] or list(labels)
        self._since = {future: self._since.get(future, now) for future in begun}
        if not self._since:
            return None
        future = min(self._since, key=self._since.__getitem__)
        return labels[future], now - self._since[future]
