"""Custodian, without the 600 time zones that it reads as it is imported: a seventh of the start of a run, twice.

They are of its filters on office hours, and are read when one of those first asks for a zone.

Checked against `c7n.filters.offhours.Time` of c7n 0.9.53. Where something expected is not there, it is left alone.
"""

import sys
from collections import UserDict
from functools import cached_property
from typing import Any


def load() -> None:
    """Load the module that reads time zones, unless it is there already, or they are."""
    from dateutil import zoneinfo

    instance = zoneinfo.get_zonefile_instance
    if "c7n.filters.offhours" in sys.modules or getattr(instance, "_cached_instance", None) is not None:
        return
    instance._cached_instance = zoneinfo.ZoneInfoFile()  # of no zones
    try:
        from c7n.filters.offhours import Time
    finally:
        del instance._cached_instance
    if getattr(Time, "z_names", None) == []:
        Time.TZ_ALIASES = _Aliases(Time)


class _Aliases(UserDict[str, str]):
    """Custodian's names of time zones, read when one is looked up."""

    def __init__(self, time: Any) -> None:
        self._time, self._short = time, time.TZ_ALIASES

    @cached_property
    def data(self) -> dict[str, str]:  # type: ignore[override]
        from dateutil import zoneinfo

        names: list[str] = list(zoneinfo.get_zonefile_instance().zones)
        self._time.z_names = names
        # As the class itself does it: names that are not found by their title case, such as US/Eastern.
        unlike = {name.lower(): name for name in names if name.title() != name}
        known: dict[str, str] = self._short
        return unlike | known
