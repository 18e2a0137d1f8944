"""The waivers of a report: the table of them, and what has to be said of some on the terminal."""

from collections.abc import Collection, Iterator, Mapping

import pandas as pd

from reporter.findings.assess import Findings
from reporter.findings.waived import SOON, TOLD_BY_GROUP, Outcome, is_glob
from reporter.findings.waivers import Waiver
from reporter.inventory.audit import Audit

WAIVERS = "waivers"
WAIVERS_TITLE = "What is accepted until when; first what needs a look"

#: A row a waiver. `state` says how it stands, `findings` how many it is about; the others are the keys of the file.
COLUMNS = (
    "waiver",
    "state",
    "expires",
    "findings",
    "policy",
    "account",
    "region",
    "group",
    "tags",
    "rules",
    "reason",
    "owner",
)

_LINES = 10  # on the terminal


def waivers(audit: Audit, findings: Findings) -> pd.DataFrame:
    """COLUMNS, those that need a look first, then in the order of the file."""
    outcomes = findings.waived.outcomes
    there = _there(audit)
    states = [tuple(_states(outcome, bool(audit.gaps), there)) for outcome in outcomes]
    rows = [
        _row(outcome, state or ("holds",))
        for outcome, state in sorted(zip(outcomes, states, strict=True), key=lambda pair: not pair[1])
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    texts = ("waiver", "expires", "account", "region", "group", "reason", "owner")
    return frame.astype({"findings": "int64", **dict.fromkeys(texts, "str")})


def lines(audit: Audit, findings: Findings) -> Iterator[str]:
    """A line for each waiver that needs a look, as far as there is room."""
    there = _there(audit)
    told = [
        f"waiver of {outcome.waiver.where}: {', '.join(states)}: {_brief(outcome)}"
        for outcome in findings.waived.outcomes
        if (states := list(_states(outcome, bool(audit.gaps), there)))
    ]
    yield from told[:_LINES]
    if len(told) > _LINES:
        yield f"waivers: {len(told) - _LINES:,} more that need a look; the tab {WAIVERS} has them all"


def _there(audit: Audit) -> Mapping[str, Collection[str]]:
    """The policies, accounts and regions that the report is of, by what a waiver calls them."""
    return {
        "policy": {policy.name for policy in audit.output.policies} | set(TOLD_BY_GROUP.values()),
        "account": {name for cell in audit.cells for name in (cell.account, cell.account_id)},
        "region": {cell.region for cell in audit.cells if cell.is_of_region},
    }


def _absent(waiver: Waiver, there: Mapping[str, Collection[str]]) -> Iterator[str]:
    """What a waiver names that the report is not of, as it may be of some policies or accounts alone."""
    named = {"policy": waiver.policies, "account": (waiver.account,), "region": (waiver.region,)}
    for kind, texts in named.items():
        if all(text and not is_glob(text) and text not in there[kind] for text in texts) and texts:
            yield f"{kind} {', '.join(texts)} is not in this report"


def _states(outcome: Outcome, gaps: bool, there: Mapping[str, Collection[str]]) -> Iterator[str]:
    """What there is to look at; nothing where it simply holds."""
    expires = outcome.waiver.expires
    if outcome.expired:
        yield f"expired on {expires}"
    elif outcome.ends_soon:
        yield f"ends within {SOON} days, on {expires}"
    if not outcome.findings:
        nothing = "matched nothing of what was read" if gaps else "matched nothing"
        absent = "; ".join(_absent(outcome.waiver, there))
        yield f"{nothing}: {absent}" if absent else nothing
    if outcome.outgrown:
        findings = "1 finding" if outcome.outgrown == 1 else f"{outcome.outgrown:,} findings"
        yield f"no longer holds for {findings}, of which more rules matched"


def _brief(outcome: Outcome) -> str:
    waiver = outcome.waiver
    reason = waiver.reason if len(waiver.reason) <= 100 else f"{waiver.reason[:99]}…"
    return f"{reason} ({waiver.owner[:100]})"


def _row(outcome: Outcome, state: tuple[str, ...]) -> tuple[object, ...]:
    waiver = outcome.waiver
    return (
        waiver.where,
        state,
        waiver.expires.isoformat(),
        outcome.findings,
        waiver.policies,
        waiver.account,
        waiver.region,
        waiver.group,
        tuple(f"{key}={value}" for key, value in waiver.tags.items()),
        tuple(sorted(waiver.rules or ())),
        waiver.reason,
        waiver.owner,
    )
