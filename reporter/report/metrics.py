"""Gauges for a monitoring system: what is known of the run has a sample, what was not read has none."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reporter.custodian.resource_types import GROUPS as ON_GROUPS
from reporter.findings.assess import Findings
from reporter.findings.changes import State
from reporter.findings.history import finding_level
from reporter.findings.past import NO_PAST, Past
from reporter.findings.risk import LEVELS
from reporter.inventory.audit import Audit
from reporter.inventory.network.reachability import Reachable
from reporter.names import clean
from reporter.output.manifest import Status
from reporter.output.reading import newest_start


@dataclass(frozen=True)
class Metric:
    """A gauge: its name, what it means, in a line, and the names of its labels."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measured:
    """A metric with its samples: a number for each combination of the values of its labels, in their order."""

    metric: Metric
    samples: Mapping[tuple[str, ...], float] = field(repr=False)


GROUPS = Metric(
    "sg_audit_groups",
    "Security groups by risk, whether that is proven, whether the internet reaches them, and whether they are waived.",
    ("account", "account_id", "region", "risk", "proven", "reachable", "waived"),
)
FINDINGS = Metric(
    "sg_audit_findings",
    "Security groups that a policy caught, waived ones too.",
    ("account", "account_id", "region", "policy"),
)
FINDINGS_NEW = Metric(
    "sg_audit_findings_new",
    "Findings that are new since the previous run, or have risen to a worse level.",
    ("account", "account_id", "region", "policy", "level", "proven", "reachable", "waived"),
)
CELLS = Metric(
    "sg_audit_cells",
    "Policies planned for an account and region, by what came of them: ok, denied, failed or skipped.",
    ("account", "region", "status"),
)
RUN = Metric("sg_audit_run_timestamp_seconds", "When the run began.")
PREVIOUS_RUN = Metric(
    "sg_audit_previous_run_timestamp_seconds",
    "When the run began that sg_audit_findings_new compares with; without one, nothing is known to be new.",
)
OLDEST = Metric(
    "sg_audit_oldest_first_seen_timestamp_seconds",
    "The day since when the oldest finding is seen that gives a group its risk, is proven and not waived.",
    ("account", "risk"),
)
METRICS = (GROUPS, FINDINGS, FINDINGS_NEW, CELLS, RUN, PREVIOUS_RUN, OLDEST)

#: The samples that each account and region has whose groups are known, 0 too: risk, proven, reachable, waived. They are
#: those that one asks for first. All others are there where there are such groups.
ALWAYS = tuple(
    (level, "true", reachable.value, "false")
    for level, reachable in zip(LEVELS, (Reachable.YES, Reachable.YES, *[Reachable.NO] * 3), strict=True)
)

_Samples = Mapping[tuple[str, ...], float]


def measure(audit: Audit, findings: Findings, past: Past = NO_PAST) -> tuple[Measured, ...]:
    """The metrics of which anything is known, in the order of METRICS.

    Their figures are those of the other formats. Labels are texts that can stand on one line: what differs in a control
    character alone is one.
    """
    found: Mapping[Metric, _Samples] = {
        GROUPS: _groups(audit, findings),
        FINDINGS: _findings(findings),
        FINDINGS_NEW: _new(past),
        CELLS: _cells(audit),
        RUN: _time(audit.output.started),
        PREVIOUS_RUN: _time(past.base.started if past.base else ""),
        OLDEST: _oldest(audit, findings),
    }
    return tuple(
        Measured(metric, dict(sorted(samples.items()))) for metric, samples in found.items() if samples
    )


def _groups(audit: Audit, findings: Findings) -> _Samples:
    samples: Counter[tuple[str, ...]] = Counter()
    samples.update({(*place, *always): 0 for place in _known(audit) for always in ALWAYS})
    groups = findings.groups
    columns = [groups[name].tolist() for name in ("account_profile", "account_id", "region")]
    samples.update(
        zip(
            *(map(clean, column) for column in columns),
            groups["risk"].astype(str).tolist(),
            map(_flag, findings.proven.tolist()),
            groups["reachable"].tolist(),
            map(_flag, findings.waived.groups.tolist()),
            strict=True,
        )
    )
    return samples


def _known(audit: Audit) -> Iterator[tuple[str, str, str]]:
    """The accounts and regions of which it is known how many groups there are: all were listed or, where no policy does
    that, each that looks for some has answered."""
    listed: dict[tuple[str, str, str], bool] = {}
    unanswered = set()
    for cell in audit.cells:
        policy = audit.output.policy_of(cell)
        if policy.resource == ON_GROUPS and not policy.on_events and not cell.is_left_out:
            place = clean(cell.account), clean(cell.account_id), clean(cell.region)
            if cell.status is Status.OK:
                listed[place] = listed.get(place, False) or policy.lists_all
            else:
                unanswered.add(place)
    return (place for place, all_of_them in listed.items() if all_of_them or place not in unanswered)


def _findings(findings: Findings) -> _Samples:
    frame = findings.frame[findings.frame["proven"]]
    columns = (frame[name].tolist() for name in ("account_profile", "account_id", "region", "policy"))
    return Counter(zip(*(map(clean, column) for column in columns), strict=True))


def _new(past: Past) -> _Samples:
    samples: Counter[tuple[str, ...]] = Counter()
    for change in past.changes:
        if change.state is State.NEW or change.rose:
            key, found = change.key, change.found
            # What is waived keeps its level, and is told apart.
            level = found.level if change.waived else change.left or found.level
            names = change.account_profile, key.account_id, key.region, key.policy
            known = _flag(found.level_proven), found.reachable, _flag(change.waived)
            samples[*map(clean, names), level, *known] += 1
    return samples


def _cells(audit: Audit) -> _Samples:
    samples: Counter[tuple[str, ...]] = Counter()
    for cell in audit.cells:
        if not cell.is_left_out:
            place = clean(cell.account), clean(cell.region)
            samples[*place, Status.OK.value] += 0
            samples[*place, cell.status.value] += 1
    return samples


def _oldest(audit: Audit, findings: Findings) -> _Samples:
    frame = findings.frame
    if "first_seen" not in frame:
        return {}
    columns = {policy.name: policy.in_report.column for policy in audit.output.policies}
    risks, proven = findings.groups["risk"].astype(str).tolist(), findings.proven.tolist()
    of_waivers = findings.waived.frame
    waived = {
        (group, policy)
        for group, policy, is_waived in zip(
            *(of_waivers[name].tolist() for name in ("group", "policy", "waived")), strict=True
        )
        if is_waived
    }
    samples: dict[tuple[str, ...], float] = {}
    frame = frame[frame["proven"]]
    names = ("group", "account_profile", "policy", "exposed", "first_seen")
    for group, account, policy, exposed, day in zip(*(frame[name].tolist() for name in names), strict=True):
        level = finding_level(risks[group], exposed, columns[policy])
        if level in LEVELS and proven[group] and (group, policy) not in waived:
            for when in _time(day).values():
                key = clean(account), level
                samples[key] = min(samples.get(key, when), when)
    return samples


def _time(text: str) -> dict[tuple[str, ...], float]:
    """The one sample of a time, of several the last; none where it is not known, as stock output may not tell it."""
    try:
        seconds = newest_start(text).timestamp()
    except ValueError:
        return {}
    return {(): seconds} if seconds else {}


def _flag(value: object) -> str:
    """As people write it who use Prometheus."""
    return "true" if value else "false"
