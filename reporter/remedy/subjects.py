"""What a plan has to know of the groups it is about, taken out of the findings, which are large."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reporter.findings.assess import Findings
from reporter.inventory.audit import Audit
from reporter.remedy import made_by
from reporter.remedy.recorded import Unit

_NAMED = 20  # of what a group is on


@dataclass(frozen=True)
class Carried:
    """An interface, or an instance of which no interface is known, that carries a group."""

    interface_id: str
    type: str
    description: str
    account: str
    instance_id: str
    instance_name: str

    def __str__(self) -> str:
        if not self.instance_id:
            described = f" ({self.description})" if self.description else ""
            return f"{self.interface_id}{described}"
        name = f"{self.instance_id} ({self.instance_name})" if self.instance_name else self.instance_id
        return f"{name} by {self.interface_id}" if self.interface_id else name


@dataclass(frozen=True)
class Subject:
    """A group as the findings have it. `in_use` is None where that is not known, `found_by` has the policies whose
    findings of it are proven, and `carriers_known` says that `carriers` are all there are."""

    account: str
    account_id: str
    region: str
    group_id: str
    name: str
    service: str
    is_default: bool
    in_use: bool | None
    on_instance: bool | None
    risk: str
    reachable: str
    found_by: frozenset[str]
    carriers: tuple[Carried, ...]
    carriers_known: bool

    @property
    def unit(self) -> Unit:
        return self.account, self.region

    @property
    def behind(self) -> tuple[str, ...]:
        """What is behind it, by name; of many the first, and how many more."""
        names = [str(each) for each in self.carriers[:_NAMED]]
        more = len(self.carriers) - len(names)
        return (*names, f"and {more:,} more") if more else tuple(names)


def subjects(findings: Findings, audit: Audit, rows: Collection[int]) -> dict[int, Subject]:
    """The groups in some rows of `Findings.groups`."""
    wanted = sorted(rows)
    groups = findings.groups.loc[wanted]
    carriers = _carriers(audit, groups)
    found_by = findings.proven_policies(wanted)
    on_instance = findings.default_on_instance
    return {
        row: Subject(
            account=each["account_profile"],
            account_id=each["account_id"],
            region=each["region"],
            group_id=each["security_group_id"],
            name=each["group_name"],
            service=made_by.service(each["group_name"], each["tags"]),
            is_default=_known(each["is_default"]) is True,
            in_use=_known(each["in_use"]),
            on_instance=_known(on_instance[row]),
            risk=str(each["risk"]),
            reachable=each["reachable"],
            found_by=found_by[row],
            carriers=carriers.get((each["account_profile"], each["region"], each["security_group_id"]), ()),
            carriers_known=_known(each["attached_eni_count"]) is not None,
        )
        for row, each in zip(wanted, groups.to_dict("records"), strict=True)
    }


def _known(value: Any) -> Any:
    """A value, None for pandas' NA."""
    if value is None or value is pd.NA:
        return None
    return value.item() if hasattr(value, "item") else value


def _carriers(audit: Audit, groups: Any) -> Mapping[tuple[str, str, str], tuple[Carried, ...]]:
    frame = audit.attachments
    frame = frame[frame["security_group_id"].isin(groups["security_group_id"])]
    found: dict[tuple[str, str, str], list[Carried]] = {}
    for each in frame.to_dict("records"):
        key = each["account_profile"], each["region"], each["security_group_id"]
        found.setdefault(key, []).append(
            Carried(
                each["interface_id"],
                each["interface_type"],
                each["interface_description"],
                each["interface_account"],
                each["instance_id"],
                each["instance_name"],
            )
        )
    return {key: tuple(carriers) for key, carriers in found.items()}
