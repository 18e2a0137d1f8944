"""The table of attachments: which group is on which interface, and whether the internet gets there."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from reporter.inventory.links import Link
from reporter.inventory.network.reachability import Reach
from reporter.inventory.rows import GroupRow, InstanceRow, UnitRows

#: Columns of the frame of attachments: a row for each group and interface it is on, all texts but for
#: `public_ips` and `ipv6`, which hold tuples of texts. Where an instance carries a group and none of its interfaces
#: could be read, the interface is empty. `reachable` is yes, no or unknown, and `why` says why.
ATTACHMENT_COLUMNS = (
    "account_profile",
    "account_id",
    "region",
    "security_group_id",
    "group_name",
    "interface_id",
    "interface_type",
    "interface_description",
    "private_ip",
    "public_ip",
    "instance_id",
    "instance_name",
    "instance_state",
    "interface_account",
    "subnet_id",
    "public_ips",
    "ipv6",
    "reachable",
    "why",
)
_LISTS = frozenset({"public_ips", "ipv6"})
# Texts that many rows have: kept once, they take a number a row.
_REPEATED = frozenset(
    {"account_profile", "account_id", "region", "interface_type", "instance_state", "interface_account"}
    | {"subnet_id", "reachable", "why"}
)


def attachment_frame(
    owned: Iterable[tuple[UnitRows, GroupRow]],
    links: Iterable[Link],
    reaches: Iterable[Reach],
    instances: Mapping[str, InstanceRow],
) -> pd.DataFrame:
    """ATTACHMENT_COLUMNS, by account, region, group and interface; `reaches` has an answer for each link."""
    home = {row.group_id: (unit, row.name) for unit, row in owned}
    # Column by column: a row of its own for each link would be a hundred megabytes for a moment.
    data: dict[str, list[Any]] = {name: [] for name in ATTACHMENT_COLUMNS}
    add = [column.append for column in data.values()]
    for link, reach in zip(links, reaches, strict=True):
        unit, name = home.get(link.group_id, (link.unit, link.group_name))
        interface, instance = link.interface, instances.get(link.instance_id)
        row = (
            unit.account,
            unit.account_id,
            unit.region,
            link.group_id,
            name,
            interface.interface_id if interface else "",
            interface.type if interface else "",
            interface.description if interface else "",
            interface.private_ips[0] if interface and interface.private_ips else "",
            interface.public_ip if interface else "",
            link.instance_id,
            instance.name if instance else "",
            instance.state if instance else "unknown" if link.instance_id else "",
            link.unit.account,
            interface.subnet_id if interface else "",
            interface.public_ips if interface else (),
            interface.ipv6 if interface else (),
            reach.reachable.value,
            reach.why,
        )
        for append, value in zip(add, row, strict=True):
            append(value)
    add.clear()
    frame = pd.DataFrame({name: pd.Series(data.pop(name), dtype=_dtype(name)) for name in ATTACHMENT_COLUMNS})
    keys = ["account_profile", "region", "group_name", "security_group_id", "interface_id", "instance_id"]
    return frame.sort_values(keys, kind="stable", ignore_index=True)


def _dtype(column: str) -> str:
    return "object" if column in _LISTS else "category" if column in _REPEATED else "str"
