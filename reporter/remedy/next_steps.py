"""What to do next about each finding, in a sentence, for a report."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import pandas as pd

from reporter.custodian.metadata import PlannedPolicy
from reporter.findings.assess import Findings
from reporter.findings.together import BY_SEVERAL
from reporter.remedy import made_by, verdicts
from reporter.remedy.options import Options
from reporter.remedy.proposals import Kind, chosen_policies, conditions, kind_of, proven_of, waived_of
from reporter.remedy.steps import Status

_NAMED = 3  # rules in a sentence
_SENTENCES = 2  # of a group
_DELETE = "Delete it, after a look at what was not read: launch templates, Glue connections, peered accounts"
_NOTHING = "Nothing"  # what sentences begin with after which there is nothing to do
_IDLE_DEFAULT = f"{_NOTHING} to move: nothing carries it, and AWS does not let a default group be deleted"


class NextStep(NamedTuple):
    """What to do about a finding; `removable` are those of the rules that matched of which nothing is right."""

    sentence: str
    removable: tuple[str, ...] = ()


def with_next_steps(findings: Findings, policies: Sequence[PlannedPolicy]) -> Findings:
    """The findings with the columns `next_step` and `removable` beside each, and `next_step` of each group filled: of
    the findings that count for the risk, and of default and unused groups."""
    steps = next_steps(findings, policies)
    frame = findings.frame.assign(
        next_step=pd.Series([step.sentence for step in steps], index=findings.frame.index, dtype="str"),
        removable=pd.Series([step.removable for step in steps], index=findings.frame.index, dtype=object),
    )
    told = replace(findings, frame=frame)
    by_default = chosen_policies(policies, Options())
    return replace(told, groups=findings.groups.assign(next_step=of_groups(told, by_default)))


def of_groups(
    findings: Findings, policies: Collection[str], rows: "pd.Index[Any] | None" = None
) -> "pd.Series[str]":
    """By row of the group, or of some, what to do about its findings of the policies, each sentence once; empty where
    it has none, and where nobody asked for the next steps. Of a group that is to be deleted that alone, as its other
    findings go with it; that there is nothing to do about one finding is not said where there is about another."""
    told: dict[int, set[tuple[bool, bool, str]]] = {}
    if "next_step" in findings.frame:
        frame = findings.frame[["group", "exposed", "proven", "next_step"]]
        frame = frame[findings.frame["policy"].isin(policies)]
        for group, exposed, proven, sentence in zip(*(frame[name].tolist() for name in frame), strict=True):
            told.setdefault(group, set()).add((not exposed, not proven, sentence))
    joined = cache(_joined)  # most groups have the same few
    of = findings.groups.index if rows is None else rows
    texts = [joined(frozenset(told[row])) if row in told else "" for row in of.tolist()]
    return pd.Series(texts, index=of, dtype="str")


def _joined(told: Collection[tuple[bool, bool, str]]) -> str:
    """Sentences, each once, in the order of what is told with them."""
    sentences = list(dict.fromkeys(sentence for _, _, sentence in sorted(told)))
    if _DELETE in sentences:
        return _DELETE
    to_do = [sentence for sentence in sentences if not sentence.startswith(_NOTHING)] or sentences[:1]
    left = len(to_do) - _SENTENCES
    more = f"; and {left} more" if left > 0 else ""
    return "; ".join(to_do[:_SENTENCES]) + more


def next_steps(findings: Findings, policies: Sequence[PlannedPolicy]) -> list[NextStep]:
    """For each row of `Findings.frame` what to do next."""
    groups, frame = findings.groups, findings.frame
    by_name = {policy.name: policy for policy in policies}
    waived = waived_of(findings)
    in_use, default = groups["in_use"].tolist(), groups["is_default"].fillna(False).tolist()
    names, tags = groups["group_name"].tolist(), groups["tags"].tolist()
    ids = groups["security_group_id"].tolist()
    on_instance = findings.default_on_instance.fillna(False).tolist()
    found_by, accepted_by = _exposed_by_rule(findings, by_name, waived)
    accepted = {row for row, name in waived if name in by_name and by_name[name].exposed}
    known: dict[Any, NextStep] = {}  # most groups are found by the same rules
    steps = []
    columns = (frame[name].tolist() for name in ("group", "policy", "matched_rules", "proven"))
    for row, name, rules, proven in zip(*columns, strict=True):
        if (row, name) in waived:
            step = NextStep(f"{_NOTHING} until the waiver ends")
        elif not proven:
            step = NextStep("Read what was not read, then look again: whether it is found is not known")
        elif service := made_by.service(names[row], tags[row]):
            step = NextStep(f"Change it where it comes from: {service} made it")
        else:
            policy = by_name[name]
            kind = kind_of(policy)
            if kind is Kind.RULES:
                others, accepting = found_by.get(row, {}), accepted_by.get(row, {})
                found = tuple((text, others.get(text, ()), accepting.get(text, ())) for text in rules or ())
                key = (name, rules is None, found)
                if key not in known:
                    exposed = {text: [by_name[each] for each in by] for text, by, _ in found}
                    waiving = {text: [by_name[each] for each in by] for text, _, by in found}
                    known[key] = _about_rules(policy, rules, exposed, waiving)
                step = known[key]
                if ids[row] and ids[row] in step.sentence:
                    step = step._replace(
                        sentence=re.sub(rf"{re.escape(ids[row])}\b", "itself", step.sentence)
                    )
            elif row in accepted and in_use[row] is False and (rules or not default[row]):
                step = NextStep("End the waiver for what it opens first, or leave it as it is")
            elif kind is Kind.DEFAULT and rules and in_use[row] is False:
                step = NextStep(f"Remove {_some(rules)}: nothing carries it", rules)
            elif kind is Kind.DEFAULT or default[row]:
                step = NextStep(_about_default(bool(on_instance[row]), in_use[row], bool(rules)))
            elif in_use[row] is False:
                step = NextStep(_DELETE)
            elif in_use[row] is True:
                step = NextStep(f"{_NOTHING} to delete: an interface or an instance carries it")
            else:
                step = NextStep("Find out what carries it before it is deleted")
        steps.append(step)
    return steps


_ByRule = dict[int, dict[str, tuple[str, ...]]]
"""By row of the group and text of a rule the names of policies."""


def _exposed_by_rule(
    findings: Findings, by_name: Mapping[str, PlannedPolicy], waived: Collection[tuple[int, str]]
) -> tuple[_ByRule, _ByRule]:
    """The exposed policies that found a rule, and those that found it and whose finding is waived."""
    exposed = [name for name, policy in by_name.items() if policy.exposed]
    found: _ByRule = {}
    accepted: _ByRule = {}
    for row, name, rules in proven_of(findings, exposed):
        of_group = (accepted if (row, name) in waived else found).setdefault(row, {})
        for text in rules or ():
            of_group[text] = (*of_group.get(text, ()), name)
    return found, accepted


def _about_rules(
    policy: PlannedPolicy,
    rules: tuple[str, ...] | None,
    exposed: Mapping[str, Sequence[PlannedPolicy]],
    waiving: Mapping[str, Sequence[PlannedPolicy]],
) -> NextStep:
    """`exposed` has by rule the exposed policies that found it, too, and `waiving` those whose finding is waived."""
    if rules is None:
        return NextStep("Look at its rules: which of them matched cannot be told")
    if not rules:
        return NextStep("Look at the group: the policy is not about a rule")
    if conditions(policy) > 1 and len(rules) > 1:
        return NextStep(f"See which of {_some(rules)} is wrong, and remove that")
    whole = [text for text in rules if _is_wrong(text, {policy.name: policy}, exposed[text], waiving[text])]
    removable = tuple(text for text in whole if not text.endswith(BY_SEVERAL))
    to_go = [text for text in rules if policy.exposed or exposed[text]]
    in_doubt = [text for text in rules if text not in to_go]
    if not to_go:
        return NextStep(f"See whether {_some(in_doubt)} is meant; if not, remove or narrow it", removable)
    doubt = f"; see whether {_some(in_doubt)} is meant" if in_doubt else ""
    return NextStep(_removing(to_go, whole) + doubt, removable)


def _removing(rules: Sequence[str], whole: Collection[str]) -> str:
    """What to do about rules that are to go: the `whole` ones as they are, of the others a part."""
    alone = [text for text in rules if text in whole and not text.endswith(BY_SEVERAL)]
    together = [text.removesuffix(BY_SEVERAL).strip() for text in rules if text.endswith(BY_SEVERAL)]
    if parts := [text for text in rules if text not in whole]:
        choose = f"hoose what is to stay of {_some(parts)} (`remedy --keep`), and remove the rest"
        return f"Remove {_some(alone)}; c{choose}" if alone else f"C{choose}"
    if together:
        return f"Remove the rules that together let the world in on {_some(together)}"
    place = "its place" if len(rules) == 1 else "their place"
    return f"Remove {_some(rules)}, or let in narrower ranges in {place} (`remedy --to`)"


def _is_wrong(
    text: str,
    found_by: Mapping[str, PlannedPolicy],
    exposed: Sequence[PlannedPolicy],
    waiving: Sequence[PlannedPolicy],
) -> bool:
    policies = {**found_by, **{each.name: each for each in exposed}}
    return verdicts.of_rule(text, list(policies.values()), waiving, Options()).status is Status.PLANNED


def _about_default(on_instance: bool, in_use: Any, rules: bool) -> str:
    if on_instance:
        return "Move its instances to a group of their own"
    if in_use is True:
        return "Give what carries it a group of its own"
    if in_use is False:
        return _IDLE_DEFAULT
    return "Find out what carries it" + (" before its rules are removed" if rules else "")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
