"""What to do about each finding, from the findings alone: no record is read."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from reporter.custodian.metadata import PlannedPolicy
from reporter.custodian.resource_types import GROUPS
from reporter.errors import InputError
from reporter.findings.assess import Findings
from reporter.findings.waived import DEFAULT
from reporter.remedy.options import Options

UNUSED = "unused"
_ON_RULES = ("ingress", "egress")
#: Stands for a policy in the steps that take needless rules away, which no policy finds.
COVERED = "covered-rules"


class Kind(Enum):
    """How a finding is closed."""

    RULES = auto()
    """By removing the rules that were found."""
    DEFAULT = auto()
    """By moving what carries a default group to another one, or by removing rules that AWS did not give it."""
    UNUSED = auto()
    """By deleting the group."""
    COVERED = auto()
    """By removing rules that others make needless."""


@dataclass(frozen=True)
class Proposal:
    """What to do about a finding: of the group in a row of `Findings.groups`, by a policy, in this way.

    `rules` are the texts of those that matched, None where they cannot be told. `found_by` and `accepted_by` have, by
    such a text, the chosen policies that found it, and those whose finding is waived. `accepted` are the policies whose
    findings of the group are waived, of those that are chosen or exposed. `conditions` is on how many rules at once the
    policy depends: where on several, any of them may be the wrong one.
    """

    row: int
    policy: str
    title: str
    kind: Kind
    rules: tuple[str, ...] | None = ()
    found_by: Mapping[str, tuple[PlannedPolicy, ...]] | None = None
    accepted_by: Mapping[str, tuple[PlannedPolicy, ...]] | None = None
    accepted: tuple[str, ...] = ()
    conditions: int = 1


def kind_of(policy: PlannedPolicy) -> Kind:
    """How findings of a policy are closed."""
    if policy.in_report.column == UNUSED:
        return Kind.UNUSED
    return Kind.DEFAULT if _on_default_groups(policy) and not policy.exposed else Kind.RULES


def _on_default_groups(policy: PlannedPolicy) -> bool:
    """Whether it is about default groups: by its column, or as its filters begin with their name."""
    named = ({"GroupName": "default"}, {"type": "value", "key": "GroupName", "value": "default"})
    return policy.in_report.column == DEFAULT or any(each in named for each in policy.filters or ())


def chosen_policies(policies: Sequence[PlannedPolicy], options: Options) -> dict[str, PlannedPolicy]:
    """Those whose findings are to be closed, by name, in file order: those that are asked for, else the exposed ones,
    those on default groups and those on unused ones.

    Raises InputError for one that finds nothing on groups.
    """
    finding = {each.name: each for each in policies if each.resource == GROUPS and each.filtered}
    for name in options.policies:
        if name not in finding:
            there = ", ".join(finding) or "none"
            raise InputError(
                f"-p {name}: no policy of this output finds groups by that name; there are {there}"
            )
    return {
        name: policy
        for name, policy in finding.items()
        if (
            name in options.policies
            if options.policies
            else policy.exposed or kind_of(policy) is not Kind.RULES
        )
    }


def propose(
    findings: Findings, policies: Sequence[PlannedPolicy], options: Options
) -> dict[int, list[Proposal]]:
    """The proposals by row of the group, in the order of the policies: for the findings of chosen policies that are
    proven and not waived.

    By the default choice there is none for a default group that nothing is wrong with. Raises InputError for a policy
    that is not there.
    """
    chosen = chosen_policies(policies, options)
    by_name = {policy.name: policy for policy in policies}
    order = {policy.name: number for number, policy in enumerate(policies)}
    waived = waived_of(findings)
    # What only informs may be waived for any reason: that accepts nothing that is exposed.
    counting = {*chosen, *(policy.name for policy in policies if policy.exposed)}
    accounts = findings.groups["account_profile"].tolist()
    caught: dict[int, dict[str, tuple[str, ...] | None]] = {}
    accepted: dict[int, dict[str, tuple[str, ...] | None]] = {}
    for row, name, rules in proven_of(findings, counting):
        if options.accounts is not None and accounts[row] not in options.accounts:
            continue
        if (row, name) in waived:
            accepted.setdefault(row, {})[name] = rules
        elif name in chosen:
            caught.setdefault(row, {})[name] = rules
    found: dict[int, list[Proposal]] = {}
    for row, of_group in caught.items():
        names = sorted(of_group, key=lambda name: order[name])
        exact = [name for name in names if kind_of(chosen[name]) is Kind.RULES]
        found_by = _by_rule(exact, of_group, by_name)
        accepted_by = _by_rule(accepted.get(row, ()), accepted.get(row, {}), by_name)
        found[row] = [
            Proposal(
                row,
                name,
                chosen[name].title,
                kind_of(chosen[name]),
                of_group[name],
                found_by,
                accepted_by,
                tuple(accepted.get(row, ())),
                conditions(chosen[name]),
            )
            for name in names
        ]
    if not options.policies:
        found = _without_sound_default_groups(findings, found)
    if options.needless:
        for row, covered in enumerate(findings.groups["covered_rules"].tolist()):
            if covered and (options.accounts is None or accounts[row] in options.accounts):
                found.setdefault(row, []).append(
                    Proposal(row, COVERED, "Rules that others make needless", Kind.COVERED, covered)
                )
    return {row: of_group for row, of_group in found.items() if of_group}


def conditions(policy: PlannedPolicy) -> int:
    """How many filters on rules have to match at once for a policy to find a group."""
    return _conditions(policy.filters or ())


def _conditions(filters: Any) -> int:
    if isinstance(filters, dict):
        if filters.get("type") in _ON_RULES:
            return 1
        together = _conditions(filters.get("and") or ())
        return together or max(map(_conditions, filters.get("or") or ()), default=0)
    if isinstance(filters, str):
        return int(filters in _ON_RULES)
    return sum(map(_conditions, filters)) if isinstance(filters, Sequence) else 0


def waived_of(findings: Findings) -> set[tuple[int, str]]:
    """The findings that are waived, by row of the group and policy."""
    frame = findings.waived.frame
    frame = frame[frame["waived"].astype(bool)] if len(frame) else frame
    return set(zip(frame["group"].tolist(), frame["policy"].tolist(), strict=True))


def proven_of(
    findings: Findings, policies: Collection[str]
) -> Iterator[tuple[int, str, tuple[str, ...] | None]]:
    """The proven findings of policies: row of the group, policy, and the rules that matched."""
    frame = findings.frame[findings.frame["proven"] & findings.frame["policy"].isin(policies)]
    columns = (frame[name].tolist() for name in ("group", "policy", "matched_rules"))
    return zip(*columns, strict=True)


def _by_rule(
    names: Collection[str],
    rules: Mapping[str, tuple[str, ...] | None],
    by_name: Mapping[str, PlannedPolicy],
) -> dict[str, tuple[PlannedPolicy, ...]]:
    found: dict[str, tuple[PlannedPolicy, ...]] = {}
    for name in names:
        for text in rules[name] or ():
            if name in by_name:
                found[text] = (*found.get(text, ()), by_name[name])
    return found


def _without_sound_default_groups(
    findings: Findings, found: Mapping[int, list[Proposal]]
) -> dict[int, list[Proposal]]:
    """Without what only says that a default group is one, and unused: nothing is to be done about that. One that is
    carried, or has rules of its own, stays."""
    default = findings.groups["is_default"].fillna(False).tolist()
    in_use = findings.groups["in_use"].tolist()
    left = {}
    for row, of_group in found.items():
        if default[row]:
            of_group = [each for each in of_group if each.kind is not Kind.UNUSED]
            if in_use[row] is False and any(each.kind is Kind.DEFAULT and each.rules for each in of_group):
                # The finding of its rules says it all.
                of_group = [each for each in of_group if each.kind is not Kind.DEFAULT or each.rules]
        left[row] = of_group
    return left
