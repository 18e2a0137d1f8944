"""Runs the cases of policies, and their mutants."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reporter.custodian import offline, policies
from reporter.custodian.bounded import Stopped, Workers
from reporter.errors import InputError
from reporter.names import printable
from reporter.policytests.cases import Case, runner
from reporter.policytests.cases import read as read_cases
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


def read(
    workers: Workers, sources: Sequence[Path], only: Sequence[str]
) -> tuple[list[Any], dict[str, list[Case]]]:
    """The policies of files and folders, or those called `only`, and the cases of all.

    Raises InputError where either cannot be read, or a policy does not validate.
    """
    [[found]] = workers.run(_read, [[("", (sources, only))]])
    if isinstance(found, Stopped):
        raise InputError(
            f"{', '.join(map(str, sources))}: the policies or their cases cannot be read: {found.why}"
        )
    return found


def _read(
    tasks: Iterable[tuple[Sequence[Path], Sequence[str]]],
) -> Iterator[tuple[list[Any], dict[str, list[Case]]]]:
    for sources, only in tasks:
        every = policies.read(sources)
        found = policies.read(sources, only) if only else every
        yield found.data["policies"], read_cases(sources, [policy.name for policy in every.planned])


def check(
    workers: Workers, found: Sequence[Mapping[str, Any]], cases: Mapping[str, Sequence[Case]], mutate: bool
) -> list[Result]:
    """Run the cases of each policy through Custodian's filters; with `mutate`, those of each breakage too."""
    tasks = [(policy["name"], (policy, cases.get(policy["name"], ()), mutate)) for policy in found]
    results = workers.run(_checks, [[task] for task in tasks])
    return [
        result if isinstance(result, Result) else _not_checked(name, its_cases, result.why)
        for (name, (_, its_cases, _)), (result,) in zip(tasks, results, strict=True)
    ]


def _checks(tasks: Iterable[tuple[Mapping[str, Any], Sequence[Case], bool]]) -> Iterator[Result]:
    with offline.sealed():
        for task in tasks:
            yield _check(*task)


def _not_checked(name: str, cases: Sequence[Case], why: str) -> Result:
    matching = sum(case.match for case in cases)
    return Result(name, matching, len(cases) - matching, (f"not tried out: {why}",))


def _check(policy: Mapping[str, Any], cases: Sequence[Case], mutate: bool) -> Result:
    matching = sum(case.match for case in cases)
    problems = []
    if not matching:
        problems.append("no case that matches")
    # Where there are no filters nothing can be left out.
    if matching == len(cases) and policy.get("filters"):
        problems.append("no case that does not match")
    problems += filter(None, map(_judge(policy), cases))
    result = Result(policy["name"], matching, len(cases) - matching, tuple(problems))
    if problems or not mutate:
        return result
    tried, survivors = 0, []
    for mutant in mutants(policy):
        judge = _judge(mutant.policy)
        noticing = next((case for case in cases if judge(case)), None)
        if noticing is not None:
            # Of the next breakage, which is near this one, it is the likeliest to notice.
            cases = [noticing, *(case for case in cases if case is not noticing)]
        elif _validates(mutant.policy):
            survivors.append(mutant.what)
        else:
            continue
        tried += 1
    return replace(result, mutants=tried, survivors=tuple(survivors))


def _judge(policy: Mapping[str, Any]) -> Callable[[Case], str]:
    """A function that says what is wrong with a case, or nothing."""
    run = runner(policy)

    def judge(case: Case) -> str:
        expected = "must match" if case.match else "must not match"
        try:
            kept = run(case)
        except offline.FilterFailedError as error:
            return f"{error}: {case.why}"
        except offline.NotEvaluableError as error:
            return f"{error}, which the case does not give: {case.why}"
        if bool(kept) != case.match:
            return f"{expected}, and does the opposite: {case.why}"
        for name, value in case.annotations.items():
            if kept and kept[0].get(name) != value:
                return f"must be annotated with {name}, and is not, or otherwise: {case.why}"
        return ""

    return judge


def _validates(policy: Mapping[str, Any]) -> bool:
    """Whether Custodian takes the policy. What it says of the report is not what a mutant breaks."""
    try:
        offline.validate({key: value for key, value in policy.items() if key != "metadata"}, "")
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
    return "\n".join(printable(line, 1_000) for line in lines)
