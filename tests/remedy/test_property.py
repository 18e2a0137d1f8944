"""Applying the steps of any group removes what they say and nothing else, by a reading of its own of the rules."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reporter.custodian.metadata import PlannedPolicy
from reporter.remedy.group_steps import GroupPlan, Surroundings, plan_group
from reporter.remedy.options import Options, parse_keep
from reporter.remedy.proposals import Kind, Proposal
from reporter.remedy.recorded import Recorded
from reporter.remedy.steps import ReplaceRules, Status
from reporter.remedy.subjects import Subject
from tests.policies.engine import load_policies, matching

from . import runs

POLICIES = tuple(
    PlannedPolicy(
        name,
        "aws.security-group",
        filters=policy.data["filters"],
        report=policy.data["metadata"]["report"],
    )
    for name, policy in load_policies().items()
    if policy.data.get("metadata", {}).get("report", {}).get("level") == "exposed"
)
ALL_POLICIES = {policy.name: policy for policy in POLICIES}

PORTS = ["22", "22-23", "20-25", "443", "3389", "5432", "0-65535", "1433-1434"]
PEERS = ["0.0.0.0/0", "::/0", "10.0.0.0/8", "198.51.100.0/24", runs.sg(9)]
TRAFFIC = [f"{protocol} {ports}" for protocol in ("tcp", "udp") for ports in PORTS] + [
    "all traffic",
    "protocol 50",
]

rules = st.lists(
    st.tuples(st.sampled_from(TRAFFIC), st.sampled_from(PEERS)).map(" from ".join), max_size=6, unique=True
)
keeps = st.sampled_from([[], ["none"], ["tcp 443"], ["tcp 24-30", "udp 53"], ["tcp 22"]])
tos = st.sampled_from([(), ("198.51.100.0/24",), ("192.0.2.0/24", "2001:db8::/32")])

# Who may come, and to what.
CALLERS = [*map(ip_address, ("8.8.8.8", "10.1.2.3", "198.51.100.7", "192.0.2.9", "2600::1", "2001:db8::1"))]
ASKED = [(protocol, port) for protocol in ("tcp", "udp") for port in
         (0, 19, 20, 22, 23, 24, 25, 53, 443, 1433, 1434, 3389, 5432, 11211, 65535)] + [("50", None)]  # fmt: skip


class Single(NamedTuple):
    """One rule with one peer, as the test itself takes a record apart."""

    protocol: str
    first: int | None
    last: int | None
    peer: str


def singles(record: Any) -> Iterator[Single]:
    for permission in record["IpPermissions"]:
        for kind, key in (
            ("IpRanges", "CidrIp"),
            ("Ipv6Ranges", "CidrIpv6"),
            ("UserIdGroupPairs", "GroupId"),
            ("PrefixListIds", "PrefixListId"),
        ):
            for peer in permission.get(kind, ()):
                yield Single(
                    permission["IpProtocol"], permission.get("FromPort"), permission.get("ToPort"), peer[key]
                )


def lets_in(single: Single, caller: Any, protocol: str, port: int | None) -> bool:
    if "/" not in single.peer or caller not in ip_network(single.peer):
        return False
    if single.protocol == "-1":
        return True
    if single.protocol != protocol:
        return False
    return port is None or (single.first or 0) <= port <= (single.last or 0)


def passing(record: Any) -> set[tuple[Any, str, int | None]]:
    return {
        (caller, protocol, port)
        for caller in CALLERS
        for protocol, port in ASKED
        if any(lets_in(each, caller, protocol, port) for each in singles(record))
    }


def found_by(record: Any) -> dict[str, tuple[str, ...]]:
    """By policy the texts of the rules that Custodian says it found."""
    found = {}
    for name in ALL_POLICIES:
        for group in matching(name, [record]):
            texts = set()
            for each in singles({"IpPermissions": group["MatchedIpPermissions"]}):
                ports = (
                    ""
                    if each.first is None
                    else f" {each.first}" + (f"-{each.last}" if each.last != each.first else "")
                )
                words = {"-1": "all traffic", "50": "protocol 50"}.get(each.protocol, each.protocol + ports)
                texts.add(f"{words} from {each.peer}")
            found[name] = tuple(sorted(texts))
    return found


def plan(record: Any, options: Options) -> tuple[GroupPlan, dict[str, tuple[str, ...]]]:
    found = found_by(record)
    by_rule: dict[str, tuple[PlannedPolicy, ...]] = {}
    for name, texts in found.items():
        for text in texts:
            by_rule[text] = (*by_rule.get(text, ()), ALL_POLICIES[name])
    proposals = [Proposal(0, name, name, Kind.RULES, texts, by_rule, {}) for name, texts in found.items()]
    subject = Subject(
        runs.ACCOUNT, runs.ACCOUNT_ID, runs.REGION, record["GroupId"], "web", "", False, True, False,
        "critical", "no", frozenset(found), (), True,
    )  # fmt: skip
    recorded = Recorded({(runs.ACCOUNT, runs.REGION, record["GroupId"]): record})
    return plan_group(subject, proposals, Surroundings(options, {}, recorded, "20261126")), found


def within(ports: list[str], protocol: str, port: int | None) -> bool:
    """Whether a port is among those that a policy says it is about."""
    for each in ports:
        named, _, numbers = each.partition(" ")
        first, _, last = numbers.partition("-")
        if named == protocol and port is not None and int(first) <= port <= int(last or first):
            return True
    return False


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts=rules, keep=keeps, to=tos)
def test_what_a_plan_says_is_what_it_does(texts: list[str], keep: list[str], to: tuple[str, ...]) -> None:
    record = runs.group(*texts)
    options = Options(keep=parse_keep(keep), to=to)
    made, found = plan(record, options)
    after = made.after.record if made.after else record
    changes = [step.change for step in made.steps if isinstance(step.change, ReplaceRules)]

    # Rule by rule: what was there, without what is removed, with what is allowed.
    def single(rule: Any) -> Single:
        return Single(rule.protocol, rule.from_port, rule.to_port, rule.peer)

    removed = [single(rule) for change in changes for rule in change.remove]
    allowed = [single(rule) for change in changes for rule in change.allow]
    before = list(singles(record))
    assert len(set(removed)) == len(removed)
    assert set(removed) <= set(before)
    assert not set(allowed) & set(before)
    assert sorted(singles(after), key=str) == sorted([*(set(before) - set(removed)), *allowed], key=str)
    # Only what a policy found goes, and what is planned is not found again.
    named = {text for name, each in found.items() for text in each}
    assert named >= {text for text in texts if _as_single(text) in removed}
    still = found_by(after)
    for step in made.steps:
        if step.status is Status.PLANNED:
            assert step.policy not in still
        else:
            assert not step.change
    # Packet by packet: none comes in newly but from where it is told, and none is lost but what is wrong, or what was
    # not told to stay of a rule.
    came, comes = passing(record), passing(after)
    blocks = [ip_network(block) for block in to]
    for caller, _, _ in comes - came:
        assert any(caller in block for block in blocks)
    kept = options.keep or ()
    for _, protocol, port in came - comes:
        wrong = any(within(policy.report["ports"], protocol, port) for policy in POLICIES)
        if options.keep is None:
            assert wrong
        elif port is not None:
            assert not any(each.protocol == protocol and each.first <= port <= each.last for each in kept)


def _as_single(text: str) -> Single:
    (found,) = singles({"IpPermissions": [runs.rule(text)]})
    return found


def test_the_reading_of_this_test_tells_a_port_from_another() -> None:
    record = runs.group("tcp 20-25 from 10.0.0.0/8")
    assert (ip_address("10.1.2.3"), "tcp", 22) in passing(record)
    assert (ip_address("8.8.8.8"), "tcp", 22) not in passing(record)
