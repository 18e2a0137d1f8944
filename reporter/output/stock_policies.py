"""The policies of a stock run, whose texts may differ from account to account, and change with time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from reporter.custodian.metadata import PlannedPolicy
from reporter.output.stock_folders import Found

_Variant = tuple[str, str, str, str]


class Policies:
    """The policies that folders are of, in the order they ran; `found` goes from the oldest to the newest.

    What has one name may be on two resource types, or go to two places in the report: those are told apart, as
    in `unowned (ebs)` and `unowned (ec2)`, or by a number, the newest without one.
    """

    def __init__(self, found: Iterable[Found]) -> None:
        variants: dict[str, dict[_Variant, list[Found]]] = {}
        for each in found:
            of_name = variants.setdefault(each.policy.name, {})
            # The newest last, of variants too.
            of_name[_variant(each)] = [*of_name.pop(_variant(each), ()), each]
        self._names: dict[_Variant, str] = {}
        self._newest: dict[str, str] = {}
        self.planned: dict[str, PlannedPolicy] = {}
        for own_name, of_name in variants.items():
            taken = (variants.keys() - {own_name}) | self.planned.keys()
            for variant, name in _told_apart(of_name, taken):
                self._names[variant] = name
                self._newest.setdefault(own_name, name)
                self.planned[name] = _planned(name, of_name[variant])

    def name(self, found: Found) -> str:
        """What a folder's policy is called in the report."""
        return self._names[_variant(found)]

    def add_unread(self, own_name: str) -> str:
        """What a policy is called of which no more than the name could be read."""
        name = self._newest.setdefault(own_name, own_name)
        self.planned.setdefault(name, PlannedPolicy(name, "unknown"))
        return name

    @property
    def own_names(self) -> Sequence[str]:
        """The policies' own names."""
        return list(self._newest)


def _variant(found: Found) -> _Variant:
    policy = found.policy
    return policy.name, policy.resource, policy.report.get("tab", ""), policy.report.get("column", "")


def _told_apart(variants: Mapping[_Variant, object], taken: Iterable[str]) -> Iterator[tuple[_Variant, str]]:
    """A name for each variant, the newest first."""
    types = {resource for _, resource, _, _ in variants}
    used = set(taken)
    for variant in reversed(list(variants)):
        own_name, resource, _, _ = variant
        kind = resource.removeprefix("aws.") if len(types) > 1 else ""
        number = 1
        while (name := _name(own_name, kind, number)) in used:
            number += 1
        used.add(name)
        yield variant, name


def _name(own_name: str, kind: str, number: int) -> str:
    more = ", ".join(filter(None, (kind, str(number) if number > 1 else "")))
    return f"{own_name} ({more})" if more else own_name


def _planned(name: str, found: Sequence[Found]) -> PlannedPolicy:
    """The newest text, which counts as listing everything as soon as one of the others does."""
    return replace(
        found[-1].policy,
        name=name,
        filtered=all(each.policy.filtered for each in found),
        on_events=all(each.policy.on_events for each in found),
    )
