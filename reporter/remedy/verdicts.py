"""Whether a rule that policies found is to go, as a whole or in part, and what is to stay of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reporter.custodian.metadata import PlannedPolicy
from reporter.findings.together import BY_SEVERAL, ports_of
from reporter.inventory.network import traffic
from reporter.inventory.network.traffic import ALL, Traffic
from reporter.inventory.rules import WITH_PORTS, protocol_by_name
from reporter.remedy.options import Options, includes_all
from reporter.remedy.steps import Status

_RULE = re.compile(r"(?P<traffic>.+?) (?:from|to) \S+")
_PORTS = re.compile(r"(tcp|udp) (\d+)(?:-(\d+))?")
_NAMED = 6  # ranges in a sentence


@dataclass(frozen=True)
class Verdict:
    """What is to become of a rule: of a planned one `kept` is the part that is allowed again, of others `reason` says
    why it is left as it is."""

    status: Status
    reason: str = ""
    kept: tuple[Traffic, ...] = ()


def of_rule(
    text: str, found_by: Sequence[PlannedPolicy], accepted_by: Sequence[PlannedPolicy], options: Options
) -> Verdict:
    """The verdict on a rule as a person reads it (`tcp 22 from 0.0.0.0/0`).

    `found_by` are the chosen policies that found it, `accepted_by` others that found it and whose finding is waived.
    """
    whole = of_text(text)
    asked = [ports_of(policy) for policy in found_by]
    wrong = traffic.union(each for ports in asked for each in ports)
    kept = traffic.union(
        part for each in options.keep or () for part in [traffic.common(each, whole)] if part
    )
    if not _is_wrong(whole, wrong, unnamed=not all(asked)) and options.keep is None:
        return Verdict(Status.CHOICE, _choice(text, whole, wrong))
    if includes_all(kept, whole):
        return Verdict(Status.REFUSED, f"--keep would leave {text} as it is")
    # A policy about all traffic is content with any part of it; the others are not.
    named = [each for ports in asked for each in ports if each != ALL]
    left = [str(each) for each in kept if any(traffic.overlap(each, other) for other in named)]
    if left:
        policies = ", ".join(policy.name for policy in found_by)
        return Verdict(
            Status.REFUSED, f"--keep {_list(left)} is what {policies} is about: it would stay found"
        )
    for policy in accepted_by:
        accepted = [part for each in ports_of(policy) or (whole,) if (part := traffic.common(each, whole))]
        if traffic.minus(accepted, kept):
            return Verdict(
                Status.CHOICE,
                f"a waiver accepts {text} for {policy.name}: end the waiver, or --keep what it is for",
            )
    return Verdict(Status.PLANNED, kept=kept)


def of_text(text: str) -> Traffic:
    """The traffic of a rule as a person reads it, also of what several open together."""
    if text.endswith(BY_SEVERAL):
        return traffic.parse(text.removesuffix(BY_SEVERAL).strip())
    found = _RULE.fullmatch(text)
    words = found["traffic"] if found else text
    if words == "all traffic":
        return ALL
    if ports := _PORTS.fullmatch(words):
        return Traffic(ports[1], int(ports[2]), int(ports[3] or ports[2]))
    return Traffic(protocol_by_name(words.removeprefix("protocol ").partition(" ")[0]))


def _is_wrong(whole: Traffic, wrong: Sequence[Traffic], *, unnamed: bool) -> bool:
    """Whether nothing of a rule is right. `unnamed` says that a policy does not name the ports that it is about: then
    it is about a rule for a single one, and who knows of a range. All traffic is always more than anyone meant."""
    if whole == ALL:
        return False
    single = whole.protocol not in WITH_PORTS or whole.first == whole.last
    return (unnamed and single) or not traffic.minus([whole], wrong)


def _choice(text: str, whole: Traffic, wrong: Sequence[Traffic]) -> str:
    told = "say with --keep what of it is to stay, or --keep none"
    if whole == ALL:
        return f"{text} lets in much more than is wrong: {told}"
    beside = traffic.minus([whole], wrong) if wrong else (whole,)
    if beside == (whole,):
        return f"{text} is a range of which no policy says which ports are wrong: {told}"
    return f"{text} lets in {_list(list(map(str, beside)))} beside what is wrong: {told}"


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} ranges more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
