"""Findings of all policies, and what they make of each group: its flags and its risk."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from reporter.custodian.metadata import ACCESS_FINDINGS, ROLE_COLUMNS, PlannedPolicy, group_columns
from reporter.custodian.resource_types import GROUPS
from reporter.findings import risk
from reporter.findings.together import SSH_WORLD, note, with_caught_together
from reporter.findings.waived import Waived, nothing_waived
from reporter.inventory.iam import words
from reporter.inventory.join import Inventory
from reporter.inventory.network.reachability import Reachable
from reporter.inventory.roles_behind import NO_INSTANCE

#: Columns of `Findings.frame`, a row a finding: a policy with filters that caught a security group, or may have.
#: `group` is the row of that group in `Findings.groups`; `exposed` says that it counts for the risk;
#: `matched_rules` is a tuple of texts (`tcp 22 from 0.0.0.0/0`), None where they cannot be told; `proven` is False
#: where the policy was not read for the group's account and region, so that the finding is only possible. A finding
#: is told from others by account id, region, policy and resource id, whatever the policy's text.
FINDING_COLUMNS = (
    "group",
    "account_profile",
    "account_id",
    "region",
    "policy",
    "resource_id",
    "group_name",
    "title",
    "exposed",
    "matched_rules",
    "proven",
)

_TOLD_LATER = ("first_seen", "since_last", "next_step")
_UNUSED = "unused"
_POWER = "role_power"
_REACHABLE = {answer.value: rank for rank, answer in enumerate(Reachable)}
_SINCE_LAST = ("new", "changed", "same")  # the strongest first
_SORT = ["account_profile", "region", "group_name", "security_group_id"]


@dataclass(frozen=True)
class Findings:
    """`groups` has GROUP_COLUMNS, and ROLE_COLUMNS among them where roles were to be read, then a True/False column for
    each that policies name, then the fields asked for; worst risk first, proven before possible, what the internet
    reaches before what it does not, and the most powerful roles behind it before others. `proven` says of each
    of them whether its risk is, `default_on_instance` whether it is a default group on an instance, and `list_unread`
    whether it may open more to the world by a prefix list that was not read whole. `frame` has FINDING_COLUMNS.
    `waived` is what waivers make of them: nothing, before `reporter.findings.waived.apply`.
    With earlier runs beside it (`past.past_of`) `frame` also has `first_seen` and `since_last`, which `groups` has
    empty otherwise."""

    groups: pd.DataFrame
    proven: "pd.Series[bool]"
    frame: pd.DataFrame
    default_on_instance: "pd.Series[bool]"
    list_unread: "pd.Series[bool]"
    waived: Waived

    def of_groups(self, policies: Collection[str], *, possible: bool) -> "pd.Series[bool]":
        """For each group whether one of the policies caught it, or also whether one may have."""
        chosen = self.frame["policy"].isin(policies)
        if not possible:
            chosen &= self.frame["proven"]
        rows = np.zeros(len(self.groups), dtype=bool)
        rows[self.frame.loc[chosen, "group"].to_numpy()] = True
        return pd.Series(rows, index=self.groups.index, dtype=bool)

    def proven_policies(self, rows: Collection[int]) -> dict[int, frozenset[str]]:
        """By row of the group, for some rows, the policies whose findings of it are proven."""
        frame = self.frame[self.frame["proven"] & self.frame["group"].isin(list(rows))]
        found: dict[int, set[str]] = {row: set() for row in rows}
        for row, policy in zip(frame["group"].tolist(), frame["policy"].tolist(), strict=True):
            found[row].add(policy)
        return {row: frozenset(names) for row, names in found.items()}

    def since(
        self, policies: Collection[str] | None, rows: "pd.Index[Any] | None" = None
    ) -> "dict[str, pd.Series[str]]":
        """The columns `first_seen` and `since_last` of each group, or of those of some rows, from its findings of the
        policies, or of all: the earliest day, and the strongest of `new`, `changed` and `same`. Empty where there are
        none."""
        of = self.groups.index if rows is None else rows
        if "first_seen" not in self.frame:
            return {name: pd.Series("", index=of, dtype="str") for name in ("first_seen", "since_last")}
        frame = self.frame[["group", "first_seen", "since_last"]]
        frame = frame if policies is None else frame[self.frame["policy"].isin(policies)]
        days = sorted(filter(None, frame["first_seen"].unique()))
        return {
            name: pd.Series(self._first_of(frame["group"], frame[name], order).take(of), index=of)
            for name, order in (("first_seen", days), ("since_last", _SINCE_LAST))
        }

    def _first_of(self, group: "pd.Series[int]", told: "pd.Series[str]", order: Sequence[str]) -> Any:
        """For each group the one of the texts told of it that comes first in an order; empty where there is none."""
        codes, texts = pd.factorize(told)
        rank = {text: place for place, text in enumerate(order)}
        ranks = np.array([rank.get(text, len(order)) for text in texts], dtype=np.int64)
        first = np.full(len(self.groups), len(order))
        np.minimum.at(first, group.to_numpy(), ranks[codes])
        return pd.array([*order, ""], dtype="str").take(first)

    def matched_rules(self, policies: Collection[str]) -> dict[int, tuple[str, ...] | None]:
        """By row of the group: the rules by which the policies caught it, sorted; None where they cannot be told."""
        by_them = self.frame["policy"].isin(policies) & self.frame["proven"]
        chosen = self.frame[["group", "matched_rules"]][by_them]
        found: dict[int, tuple[str, ...] | None] = {}
        for group, rules in zip(chosen["group"].tolist(), chosen["matched_rules"].tolist(), strict=True):
            known = found.get(group, ())
            both = None if rules is None or known is None else rules if not known else {*known, *rules}
            found[group] = both if both is None else tuple(sorted(both))
        return found


def assess(
    inventory: Inventory, policies: Sequence[PlannedPolicy], *, policies_alone: bool = False
) -> Findings:
    """What the policies caught, the flags of all groups, and their risk.

    A flag is true where a policy or the group's own rules say so. With `policies_alone` the rules speak only where
    no policy does: what a change of policies does to the risk would not show otherwise.
    """
    if not policies_alone:
        inventory = with_caught_together(inventory, policies)
    finding = [policy for policy in policies if policy.resource == GROUPS and policy.filtered]
    groups, answers = inventory.groups.copy(), _answers(inventory)
    for column, names in _columns(policies).items():
        groups[column] = _flag(answers, names, groups.get(column), policies_alone)
    if _UNUSED not in groups:
        groups[_UNUSED] = pd.Series(pd.NA, index=groups.index, dtype="boolean")
    looking = frozenset(policy.name for policy in finding if _looks_at_use(policy))
    _agree_on_use(groups, answers, looking, _columns(policies).get(_UNUSED, ()))
    frame = _frame(inventory, finding, groups, looking)
    exposed = {SSH_WORLD: groups[SSH_WORLD]}
    for policy in finding:
        name = policy.in_report.column or policy.name
        if policy.exposed and name != SSH_WORLD:
            answer = _answer(frame, policy.name, len(groups))
            exposed[name] = exposed[name] | answer if name in exposed else answer
    default_on_instance = groups["is_default"] & inventory.on_instance
    rated = risk.classify(exposed, groups["in_use"], default_on_instance)
    groups["risk"] = rated["risk"]
    groups["risk_note"] = _notes(rated["risk_note"], inventory.exposure)
    for column in _TOLD_LATER:
        groups[column] = ""
    groups["waived"] = pd.Series("", index=groups.index, dtype="str")
    order = groups[_SORT].copy()
    order.insert(0, "risk", groups["risk"])
    order.insert(1, "possible", ~rated["proven"])
    order.insert(2, "reachable", groups["reachable"].map(_REACHABLE))
    if _POWER in groups:
        order.insert(3, _POWER, groups[_POWER].map(words.rank))
    groups = groups.loc[order.sort_values(list(order.columns), kind="stable").index]
    proven = rated["proven"].loc[groups.index].reset_index(drop=True)
    own = list(group_columns(groups.columns))
    further = [name for name in groups.columns if name not in own]
    row_of = np.empty(len(groups), dtype=np.int64)
    row_of[groups.index.to_numpy()] = np.arange(len(groups))
    frame["group"] = row_of[frame["group"].to_numpy()]
    default_on_instance = default_on_instance.loc[groups.index].reset_index(drop=True)
    list_unread = pd.Series([bool(each.unread) for each in inventory.exposure], dtype=bool)
    list_unread = list_unread.loc[groups.index].reset_index(drop=True)
    groups = groups[[*own, *further]].reset_index(drop=True)
    return Findings(groups, proven, frame, default_on_instance, list_unread, nothing_waived(groups))


def _notes(on_risk: "pd.Series[str]", exposures: "pd.Series[Any]") -> "pd.Series[str]":
    """The notes on the risk, then those on what could not be told rule by rule."""
    distinct = {id(exposure): exposure for exposure in exposures}  # most groups share theirs with others
    notes = {each: note(exposure) for each, exposure in distinct.items()}
    found = [
        "; ".join(filter(None, (first, notes[id(exposure)])))
        for first, exposure in zip(on_risk, exposures, strict=True)
    ]
    return pd.Series(found, index=on_risk.index, dtype=object)


def _columns(policies: Iterable[PlannedPolicy]) -> dict[str, list[str]]:
    """The policies behind each True/False column."""
    columns: dict[str, list[str]] = {}
    for policy in policies:
        if policy.in_report.column:
            columns.setdefault(policy.in_report.column, []).append(policy.name)
    return columns


class _Answers(NamedTuple):
    """What the policies answered: `distinct` has `caught_by`, `unanswered` and `unasked` of the inventory as they are
    together, each once, as most groups were caught by the same policies; `of_row` has the number of that for each
    row."""

    distinct: Sequence[tuple[tuple[str, ...], frozenset[str], frozenset[str]]]
    of_row: "np.ndarray[Any, Any]"

    def spread(self, told: Iterable[Any], dtype: Any) -> "pd.Series[Any]":
        """What is told of each of the distinct ones, for each row."""
        return pd.Series(pd.array(list(told), dtype=dtype).take(self.of_row))


def _answers(inventory: Inventory) -> _Answers:
    numbers: dict[Any, int] = {}
    answers = zip(inventory.caught_by, inventory.unanswered, inventory.unasked, strict=True)
    of_row = [numbers.setdefault(answer, len(numbers)) for answer in answers]
    return _Answers(list(numbers), np.array(of_row, dtype=np.int64))


def _flag(
    answers: _Answers,
    names: Sequence[str],
    told_by_rules: "pd.Series[bool] | None",
    policies_alone: bool,
) -> "pd.Series[bool]":
    """True where a policy or the rules say so, unknown where one of the policies gave no answer, or where none was
    to give one and the rules do not tell."""
    wanted = frozenset(names)
    verdicts: list[bool | None] = []
    for caught_by, unanswered, unasked in answers.distinct:
        silent = not unanswered.isdisjoint(wanted) or unasked >= wanted
        verdicts.append(True if not wanted.isdisjoint(caught_by) else None if silent else False)
    flag = answers.spread(verdicts, "boolean")
    if told_by_rules is None:
        return flag
    not_asked = answers.spread((unasked >= wanted for _, _, unasked in answers.distinct), bool)
    flag = flag.mask(not_asked & flag.isna(), told_by_rules)
    return flag if policies_alone else flag.mask(told_by_rules.fillna(False), True)


def _looks_at_use(policy: PlannedPolicy) -> bool:
    """Whether it fills the column `unused` by Custodian's filter of that name, which lists the interfaces itself."""
    names = [each.get("type") if isinstance(each, dict) else each for each in policy.filters or ()]
    return policy.in_report.column == _UNUSED and _UNUSED in names


def _agree_on_use(
    groups: pd.DataFrame, answers: _Answers, looking: Collection[str], in_column: Collection[str]
) -> None:
    """What Custodian's `unused` filter saw and what the interfaces show are of one thing.

    `looking` are the policies with that filter: what they caught is on no interface of the account. What another
    account's interface carries is not unused, unless another policy of the column says so.
    """
    caught = _caught_by(answers, looking)
    unseen = caught & groups["in_use"].isna()
    groups.loc[unseen, "in_use"] = False
    groups.loc[unseen, "attached_eni_count"] = 0
    groups.loc[unseen, "reachable"] = Reachable.NO.value
    nothing: dict[str, Any] = {"attached_resources": (), "reachable_on": ()}
    if _POWER in groups:
        nothing |= {name: getattr(NO_INSTANCE, name) for name in ROLE_COLUMNS}
    if ACCESS_FINDINGS in groups:
        nothing[ACCESS_FINDINGS] = ""
    for column, value in nothing.items():
        without = pd.Series([value] * len(groups), index=groups.index, dtype=groups[column].dtype)
        groups[column] = groups[column].mask(unseen, without)
    carried = caught & groups["in_use"].fillna(False)
    otherwise = _caught_by(answers, set(in_column) - set(looking))
    groups[_UNUSED] = groups[_UNUSED].mask(carried & ~otherwise, False)


def _caught_by(answers: _Answers, policies: Collection[str]) -> "pd.Series[bool]":
    """For each row of the inventory whether one of the policies listed it."""
    wanted = frozenset(policies)
    return answers.spread((not wanted.isdisjoint(names) for names, _, _ in answers.distinct), bool)


def _frame(
    inventory: Inventory,
    policies: Sequence[PlannedPolicy],
    groups: pd.DataFrame,
    looking: Collection[str],
) -> pd.DataFrame:
    """FINDING_COLUMNS; what is in use is no finding of the policies `looking` at that."""
    numbers = {policy.name: number for number, policy in enumerate(policies)}
    of_used = {name: number for name, number in numbers.items() if name not in looking}
    in_use = groups["in_use"].fillna(False).to_numpy(bool)
    group: list[int] = []
    policy: list[int] = []
    rules: list[tuple[str, ...] | None] = []
    proven: list[bool] = []
    answers = zip(inventory.caught_by, inventory.matched_rules, inventory.unanswered, strict=True)
    for row, (caught_by, matched_rules, unanswered) in enumerate(answers):
        known = of_used if in_use[row] else numbers
        caught = [(name, matched, True) for name, matched in zip(caught_by, matched_rules, strict=True)]
        for name, matched, is_proven in (*caught, *((name, None, False) for name in sorted(unanswered))):
            if name in known:
                group.append(row)
                policy.append(known[name])
                rules.append(matched)
                proven.append(is_proven)
    rows = np.array(group, dtype=np.int64)
    codes = np.array(policy, dtype=np.int64)
    return pd.DataFrame(
        {
            "group": rows,
            **{
                name: groups[name].astype("category").take(rows).array
                for name in ("account_profile", "account_id", "region")
            },
            "policy": pd.Categorical.from_codes(
                codes, pd.Index([each.name for each in policies], dtype="str")
            ),
            "resource_id": groups["security_group_id"].take(rows).array,
            "group_name": groups["group_name"].take(rows).array,
            "title": np.array([each.title for each in policies], dtype=object)[codes] if policies else [],
            "exposed": np.array([each.exposed for each in policies], dtype=bool)[codes],
            "matched_rules": pd.Series(rules, dtype=object),
            "proven": np.array(proven, dtype=bool),
        }
    )


def _answer(frame: pd.DataFrame, policy: str, groups: int) -> "pd.Series[bool]":
    """For each group whether the policy caught it: True, False or unknown."""
    own = frame[frame["policy"] == policy]
    caught, unknown = np.zeros(groups, dtype=bool), np.zeros(groups, dtype=bool)
    caught[own.loc[own["proven"], "group"].to_numpy()] = True
    unknown[own.loc[~own["proven"], "group"].to_numpy()] = True
    return pd.Series(pd.arrays.BooleanArray(caught, unknown & ~caught))
