"""What carries a group, in a few words: for the overview, where a line has to do."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from reporter.inventory.iam.words import Power

_NAMED = 3
_HARMLESS = frozenset({"", Power.OTHER.value, Power.NONE.value})


def carriers(row: Mapping[Any, Any], attachments: pd.DataFrame) -> tuple[str, ...]:
    """What the roles of a group's instances may do, where that is much or not known; then the instances that carry it,
    or what its interfaces are for. `row` is that of the group, and `attachments` are its own."""
    named = list(dict.fromkeys(row["instances"]))
    others = attachments[attachments["instance_id"] == ""]
    described = [
        text or kind or interface
        for text, kind, interface in zip(
            others["interface_description"],
            others["interface_type"],
            others["interface_id"],
            strict=True,
        )
    ]
    named += list(dict.fromkeys(described))
    power = row.get("role_power", "")
    return (
        *([] if power in _HARMLESS else [f"{power} role"]),
        *named[:_NAMED],
        *([f"{len(named) - _NAMED:,} more"] if len(named) > _NAMED else []),
    )
