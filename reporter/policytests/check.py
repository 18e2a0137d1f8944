"""Runs the cases of policies, and their mutants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reporter.custodian import offline, policies
from reporter.errors import InputError
from reporter.policytests.cases import Case, holds
from reporter.policytests.mutants import mutants


@dataclass(frozen=True)
class Result:
    """What came of a policy's cases.

    `problems` are lines for people, none where all is well. `mutants` counts its breakages and `survivors`
    tells those that no case notices; both are None where they were not asked for, or the cases fail as it is.
    """

    policy: str
    matching: int
    not_matching: int
    problems: tuple[str, ...]
    mutants: int | None = None
    survivors: tuple[str, ...] | None = None

    @property
    def passed(self) -> bool:
        """Whether all is well."""
        return not self.problems and not self.survivors


def check(
    found: Sequence[Mapping[str, Any]], cases: Mapping[str, Sequence[Case]], mutate: bool
) -> list[Result]:
    """Run the cases of each policy through Custodian's filters; with `mutate`, those of each breakage too."""
    with offline.sealed():
        return [_check(policy, cases.get(policy["name"], ()), mutate) for policy in found]


def _check(policy: Mapping[str, Any], cases: Sequence[Case], mutate: bool) -> Result:
    matching = sum(case.match for case in cases)
    problems = []
    if not matching:
        problems.append("no case that matches")
    # Where there are no filters nothing can be left out.
    if matching == len(cases) and policy.get("filters"):
        problems.append("no case that does not match")
    for case in cases:
        problem = _problem(policy, case)
        if problem:
            problems.append(problem)
    result = Result(policy["name"], matching, len(cases) - matching, tuple(problems))
    if problems or not mutate:
        return result
    tried, survivors = 0, []
    for mutant in mutants(policy):
        if _validates(mutant.policy):
            tried += 1
            if not any(_problem(mutant.policy, case) for case in cases):
                survivors.append(mutant.what)
    return replace(result, mutants=tried, survivors=tuple(survivors))


def _problem(policy: Mapping[str, Any], case: Case) -> str:
    """What is wrong with a case, or an empty text."""
    expected = "must match" if case.match else "must not match"
    try:
        return "" if holds(policy, case) else f"{expected}, and does the opposite: {case.why}"
    except offline.NotEvaluableError as error:
        return f"{error}, which the case does not give: {case.why}"


def _validates(policy: Mapping[str, Any]) -> bool:
    """Whether Custodian takes the policy. What it says of the report is not what a mutant breaks."""
    try:
        policies.validate({key: value for key, value in policy.items() if key != "metadata"}, "")
    except InputError:
        return False
    return True


def table(results: Sequence[Result]) -> str:
    """A line a policy, then what is wrong, a line each."""
    rows: list[tuple[str, ...]] = [("policy", "match", "no match", "mutants", "noticed", "")]
    for each in results:
        noticed = "" if each.mutants is None else str(each.mutants - len(each.survivors or ()))
        mutated = "" if each.mutants is None else str(each.mutants)
        verdict = "ok" if each.passed else "FAILED"
        rows.append((each.policy, str(each.matching), str(each.not_matching), mutated, noticed, verdict))
    if all(each.mutants is None for each in results):
        rows = [row[:3] + row[5:] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if 0 < number < len(row) - 1 else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    for each in results:
        lines += [f"{each.policy}: {problem}" for problem in each.problems]
        lines += [f"{each.policy}: no case notices: {what}" for what in each.survivors or ()]
    return "\n".join(lines)
