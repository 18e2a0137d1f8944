"""The policies of a stock run, whose texts may differ from account to account, and change with time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import GROUPS
from reporter.output.stock_folders import Found


class Policies:
    """The policies that folders are of, in the order they ran; `found` goes from the oldest to the newest.

    What has one name may be on two resource types, go to two places in the report, or be a finding here and a list
    of all groups there: those are told apart, as in `unowned (ebs)` and `unowned (ec2)`, or by a number, the newest
    without one. An older text that names no place in the report goes where the newest does.
    """

    def __init__(self, found: Sequence[Found]) -> None:
        variants: dict[str, list[list[Found]]] = {each.policy.name: [] for each in found}
        for each in reversed(found):
            of_name = variants[each.policy.name]
            same = next((variant for variant in of_name if _are_one(variant[0].policy, each.policy)), None)
            if same is None:
                of_name.append([each])
            else:
                same.append(each)
        self._names: dict[int, str] = {}
        self._newest: dict[str, str] = {}
        self.planned: dict[str, PlannedPolicy] = {}
        for own_name, of_name in variants.items():
            taken = (variants.keys() - {own_name}) | self.planned.keys()
            for name, variant in zip(_told_apart(own_name, of_name, taken), of_name, strict=True):
                self._names |= {id(each): name for each in variant}
                self._newest.setdefault(own_name, name)
                self.planned[name] = _planned(name, variant)

    def name(self, found: Found) -> str:
        """What the policy of one of the folders is called in the report."""
        return self._names[id(found)]

    def add_unread(self, own_name: str) -> str:
        """What a policy is called of which no more than the name could be read."""
        name = self._newest.setdefault(own_name, own_name)
        self.planned.setdefault(name, PlannedPolicy(name, "unknown"))
        return name

    @property
    def own_names(self) -> Sequence[str]:
        """The policies' own names."""
        return list(self._newest)


def _are_one(newer: PlannedPolicy, older: PlannedPolicy) -> bool:
    places = (
        (newer.in_report.tab, older.in_report.tab),
        (newer.in_report.column, older.in_report.column),
    )
    return (
        newer.resource == older.resource
        and (newer.filtered == older.filtered or newer.resource != GROUPS)
        and all(new == old or not new or not old for new, old in places)
    )


def _told_apart(own_name: str, variants: Sequence[Sequence[Found]], taken: Iterable[str]) -> Iterator[str]:
    """A name for each variant, the newest first."""
    types = {variant[0].policy.resource for variant in variants}
    used = set(taken)
    for variant in variants:
        kind = variant[0].policy.resource.removeprefix("aws.") if len(types) > 1 else ""
        number = 1
        while (name := _name(own_name, kind, number)) in used:
            number += 1
        used.add(name)
        yield name


def _name(own_name: str, kind: str, number: int) -> str:
    more = ", ".join(filter(None, (kind, str(number) if number > 1 else "")))
    return f"{own_name} ({more})" if more else own_name


def _planned(name: str, found: Sequence[Found]) -> PlannedPolicy:
    """The newest text, which counts as listing everything as soon as one of the others does."""
    return replace(
        found[0].policy,
        name=name,
        filtered=all(each.policy.filtered for each in found),
        on_events=all(each.policy.on_events for each in found),
    )
