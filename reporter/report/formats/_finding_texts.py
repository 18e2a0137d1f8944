"""What the formats say of a finding that hand findings to other tools: a title, sentences, and where to read on."""

import re
from collections.abc import Iterator
from hashlib import sha256

from reporter.findings.changes import Reason
from reporter.names import clean, cut, is_account_id
from reporter.report.finding_records import TOOL, FindingRecord, Outcome
from reporter.wording import some

_MAX_UID, _MAX_REQUIREMENT = 512, 256  # bytes
_RULES = 10  # in a sentence
_CONTROL = re.compile(r"SecurityHub\.([A-Za-z][A-Za-z0-9]{1,30})\.([1-9]\d{0,2})")
_CONTROLS = "securityhub/latest/userguide"
_GROUPS = "vpc/latest/userguide/vpc-security-groups.html"
_DOCS = {"aws-cn": "https://docs.amazonaws.cn/en_us"}
_DOCS_OF_ALL_OTHERS = "https://docs.aws.amazon.com"
_GONE = {
    Reason.FIXED.value: "The policy does not find it any more.",
    Reason.DELETED.value: "The group is not there any more.",
    Reason.UNKNOWN.value: "The policy does not find it any more; whether the group is still there is not known.",
    Reason.ELSEWHERE.value: "The group is another account's, and is told of there.",
}
_REACHED = {
    "yes": "The internet reaches it",
    "no": "The internet does not reach it.",
    "unknown": "Whether the internet reaches it is not known.",
}


def short(text: str, size: int) -> str:
    """The text on one line, of at most so many bytes in UTF-8."""
    text = clean(" ".join(text.split()))
    return text if len(text.encode()) <= size else f"{cut(text, size - len('…'.encode()))}…"


def uid(record: FindingRecord) -> str:
    """What a finding is called, or what stands for that where it is too long for Security Hub, or holds what cannot be
    shown."""
    if short(record.uid, _MAX_UID) == record.uid:
        return record.uid
    return f"{TOOL}/{sha256(record.uid.encode('utf-8', 'surrogatepass')).hexdigest()}"


def title(record: FindingRecord) -> str:
    """What a person calls it: the policy's title and the group."""
    if record.outcome is Outcome.UNREAD:
        return f"Not read: {record.policy.title}"
    return f"{record.policy.title}: {record.group_name.strip() or record.group_id}"


def description(record: FindingRecord) -> str:
    """What was found, and what the policy is about, in sentences."""
    return " ".join(_sentences(record))


def _sentences(record: FindingRecord) -> Iterator[str]:
    place, policy = record.place, record.policy.name
    where = f"{place.account} ({place.account_id})" if place.account_id else place.account
    where = f"{where}, {place.region}"
    group = f"{record.group_id} ({record.group_name})" if record.group_name.strip() else record.group_id
    match record.outcome:
        case Outcome.UNREAD:
            yield f"Policy {policy} could not be read in {where}: {record.reason}."
        case Outcome.GONE | Outcome.MOVED:
            yield f"Policy {policy} found security group {group} in {where}. {_GONE[record.reason]}"
        case Outcome.POSSIBLE:
            yield f"Policy {policy} was not read in {where}: whether it finds security group {group} is not known."
        case Outcome.FOUND:
            by = f": {some(record.matched_rules, _RULES)}" if record.matched_rules else ""
            yield f"Policy {policy} found security group {group} in {where}{by}."
            if record.policy.exposed:
                on = f": {some(record.reachable_on, _RULES)}" if record.reachable_on else ""
                reached = _REACHED[record.reachable]
                yield f"{reached}{on}." if record.reachable == "yes" else reached
    if record.waived:
        yield f"Waived {record.waived}."
    yield record.policy.description


def how_to_remedy(record: FindingRecord, partition: str) -> str:
    """The address of AWS's own page on it: on the control that a policy names first, or else on security groups."""
    docs = _DOCS.get(partition, _DOCS_OF_ALL_OTHERS)
    for name in record.policy.controls:
        if found := _CONTROL.fullmatch(name):
            service, number = found[1].lower(), found[2]
            return f"{docs}/{_CONTROLS}/{service}-controls.html#{service}-{number}"
    return f"{docs}/{_GROUPS}"


def requirements(record: FindingRecord) -> list[str]:
    """What frameworks ask for with the policy."""
    return [short(each, _MAX_REQUIREMENT) for each in record.policy.controls if each.strip()]


def group_arn(record: FindingRecord, partition: str) -> str:
    """A group's ARN; empty where the account's id is not known."""
    place, group = record.place, record.recorded
    owner = group.owner_id if group and is_account_id(group.owner_id) else place.account_id
    return f"arn:{partition}:ec2:{place.region}:{owner}:security-group/{record.group_id}" if owner else ""


def tags(record: FindingRecord) -> dict[str, str]:
    """The tags of a group by key; those without a value are left out."""
    if record.recorded:
        pairs = [(tag.key, tag.value) for tag in record.recorded.tags]
    else:
        pairs = [(key, value) for key, _, value in (tag.partition("=") for tag in record.tags)]
    return {key: value for key, value in sorted(pairs) if key.strip() and value.strip()}
