"""The peer of a rule as the EC2 API has it, where a rule is asked for and where it is listed."""

from reporter.inventory.rules import GROUP, IPV4, IPV6, PREFIX_LIST
from reporter.remedy.steps import Rule

#: By kind of peer the list of an IpPermission that it stands in, and what its id is called there:
#: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
PEERS = {
    IPV4: ("IpRanges", "CidrIp"),
    IPV6: ("Ipv6Ranges", "CidrIpv6"),
    GROUP: ("UserIdGroupPairs", "GroupId"),
    PREFIX_LIST: ("PrefixListIds", "PrefixListId"),
}


def entry(rule: Rule) -> dict[str, str]:
    """What stands in that list for the peer of a rule, its description too."""
    found = {PEERS[rule.kind][1]: rule.peer}
    if rule.kind == GROUP:
        owner = {"UserId": rule.owner_id, "VpcPeeringConnectionId": rule.peering_id}
        found |= {name: text for name, text in owner.items() if text}
    return found | ({"Description": rule.description} if rule.description else {})
