"""The table of attachments: which group is on which interface, and whether the internet gets there."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pandas as pd

from reporter.inventory.links import Link
from reporter.inventory.network.reachability import Reach
from reporter.inventory.rows import GroupRow, InstanceRow, InterfaceRow, UnitRows

#: Columns of the frame of attachments: a row for each group and interface it is on, all texts but for
#: `secondary_private_ips`, `public_ips` and `ipv6`, which hold tuples of texts. Where an instance carries a group and
#: none of its interfaces could be read, the interface is empty. `reachable` is yes, no or unknown, and `why` says why.
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
    "secondary_private_ips",
    "public_ips",
    "ipv6",
    "reachable",
    "why",
)
_NO_INTERFACE = InterfaceRow(
    interface_id="",
    type="",
    description="",
    private_ips=(),
    public_ip="",
    public_ips=(),
    ipv6=(),
    subnet_id="",
    vpc_id="",
    owner_id="",
    instance_id="",
    is_primary=False,
    groups=(),
)
_LISTS = frozenset({"secondary_private_ips", "public_ips", "ipv6"})
# Texts that many rows have: kept once, they take a number a row.
_REPEATED = frozenset(
    {"account_profile", "account_id", "region", "interface_type", "interface_description", "instance_state"}
    | {"interface_account", "subnet_id", "reachable", "why"}
)


def attachment_frame(
    owned: Iterable[tuple[UnitRows, GroupRow]],
    links: Sequence[Link],
    reaches: Sequence[Reach],
    instances: Mapping[str, InstanceRow],
    more: "Mapping[str, pd.Series[Any]]" = MappingProxyType({}),
) -> pd.DataFrame:
    """ATTACHMENT_COLUMNS, then `more`, by account, region, group and interface; `reaches` has an answer for each link,
    and so has each of `more`."""
    home = {row.group_id: (unit, row.name) for unit, row in owned}
    at_home = [home.get(link.group_id) or (link.unit, link.group_name) for link in links]
    interfaces = [link.interface or _NO_INTERFACE for link in links]
    on = [instances.get(link.instance_id) for link in links]
    # Column by column: all of them as lists at once would be a hundred megabytes for a moment.
    columns: dict[str, Iterable[Any]] = {
        "account_profile": (unit.account for unit, _ in at_home),
        "account_id": (unit.account_id for unit, _ in at_home),
        "region": (unit.region for unit, _ in at_home),
        "security_group_id": (link.group_id for link in links),
        "group_name": (name for _, name in at_home),
        "interface_id": (each.interface_id for each in interfaces),
        "interface_type": (each.type for each in interfaces),
        "interface_description": (each.description for each in interfaces),
        "private_ip": (each.private_ips[0] if each.private_ips else "" for each in interfaces),
        "public_ip": (each.public_ip for each in interfaces),
        "instance_id": (link.instance_id for link in links),
        "instance_name": (instance.name if instance else "" for instance in on),
        "instance_state": (
            instance.state if instance else "unknown" if link.instance_id else ""
            for instance, link in zip(on, links, strict=True)
        ),
        "interface_account": (link.unit.account for link in links),
        "subnet_id": (each.subnet_id for each in interfaces),
        "secondary_private_ips": (each.private_ips[1:] for each in interfaces),
        "public_ips": (each.public_ips for each in interfaces),
        "ipv6": (each.ipv6 for each in interfaces),
        "reachable": (reach.reachable.value for reach in reaches),
        "why": (reach.why for reach in reaches),
    }
    frame = pd.DataFrame(
        {name: pd.Series(list(columns[name]), dtype=_dtype(name)) for name in ATTACHMENT_COLUMNS} | dict(more)
    )
    keys = ["account_profile", "region", "group_name", "security_group_id", "interface_id", "instance_id"]
    return frame.sort_values(keys, kind="stable", ignore_index=True)


def of_accounts(attachments: pd.DataFrame, accounts: Collection[str]) -> pd.DataFrame:
    """The attachments of the groups of some accounts, without a trace of the others."""
    chosen = attachments[attachments["account_profile"].isin(accounts)].reset_index(drop=True)
    kept = {name: chosen[name].cat.remove_unused_categories() for name in _REPEATED}
    return chosen.assign(**kept)


def _dtype(column: str) -> str:
    return "object" if column in _LISTS else "category" if column in _REPEATED else "str"
