"""Security groups and their permissions, in the shape in which EC2 describes them."""

from .engine import Resource

ANYWHERE = "0.0.0.0/0"
ANYWHERE_V6 = "::/0"
PRIVATE = "10.0.0.0/8"
PRIVATE_V6 = "fd00::/8"
OTHER_GROUP = "sg-0bbbbbbbbbbbbbbbb"
PREFIX_LIST = "pl-0123456789abcdef0"

OWNER = "123456789012"


def group(
    *permissions: Resource,
    group_id: str = "sg-0aaaaaaaaaaaaaaaa",
    name: str = "web",
    egress: tuple[Resource, ...] = (),
) -> Resource:
    """A security group with these ingress permissions."""
    return {
        "GroupId": group_id,
        "GroupName": name,
        "Description": name,
        "OwnerId": OWNER,
        "VpcId": "vpc-0123456789abcdef0",
        "IpPermissions": list(permissions),
        "IpPermissionsEgress": list(egress),
    }


def permission(protocol: str, *sources: str, ports: tuple[int | None, int | None] = (None, None)) -> Resource:
    """One permission: a protocol, a port range, and every source that shares them.

    A source goes where EC2 lists its kind. A port that is None is not there at all, which is how EC2
    answers for protocols that have none.
    """
    result: Resource = {
        "IpProtocol": protocol,
        "IpRanges": [{"CidrIp": s} for s in sources if "." in s],
        "Ipv6Ranges": [{"CidrIpv6": s} for s in sources if ":" in s],
        "PrefixListIds": [{"PrefixListId": s} for s in sources if s.startswith("pl-")],
        "UserIdGroupPairs": [{"GroupId": s, "UserId": OWNER} for s in sources if s.startswith("sg-")],
    }
    for key, port in zip(("FromPort", "ToPort"), ports, strict=True):
        if port is not None:
            result[key] = port
    return result


def tcp(first: int, last: int, *sources: str) -> Resource:
    return permission("tcp", *sources, ports=(first, last))


def udp(first: int, last: int, *sources: str) -> Resource:
    return permission("udp", *sources, ports=(first, last))


def icmp(icmp_type: int, code: int, *sources: str) -> Resource:
    """FromPort and ToPort carry the ICMP type and code: 8 and 25 look like a range around 22."""
    return permission("icmp", *sources, ports=(icmp_type, code))


def all_traffic(*sources: str) -> Resource:
    return permission("-1", *sources)
